// SPDX-License-Identifier: BSD-2-Clause
// Proves policies of an image or of a description: everything that the named ones can reach is looked at, and what breaks
// a policy is an error that names the capability and the line that it comes from.

import type { Diagnostic } from '../diagnostic.ts';
import { didYouMean, errorFinding } from '../finding.ts';
import type { SystemDescription } from '../model.ts';
import type { AuditReport } from './audit.ts';
import { type Authority, controlledBy, creatorOf, type Held, type Subject, subjectsOf } from './authority.ts';
import { authorityOfImage } from './authority-image.ts';
import { authorityOfSystem } from './authority-system.ts';
import type { Because } from './because.ts';
import type { Capdl } from './capdl.ts';
import { findPath } from './flow.ts';
import { tcbSlot } from './microkit.ts';
import { access, byLines, type Reach, reachOf, sharedMemory } from './reach.ts';
import { describePolicy, type PairPolicy, type Policy, type RegionPolicy } from './policy.ts';

export interface PolicyResult {
  readonly policy: Policy;
  /** What was looked at, in numbers; absent if it does not hold. */
  readonly proof?: string;
  readonly findings: readonly Diagnostic[];
}

/** Of what was built. `report` is the audit of `capdl`. */
export const provePolicies = (
  policies: readonly Policy[],
  capdl: Capdl,
  report: AuditReport,
): readonly PolicyResult[] =>
  policies.length === 0 ? [] : proveAll(policies, authorityOfImage(capdl, report));

/** Of what the description asks for. */
export const checkPolicies = (
  policies: readonly Policy[],
  system: SystemDescription,
): readonly PolicyResult[] => (policies.length === 0 ? [] : proveAll(policies, authorityOfSystem(system)));

function proveAll(policies: readonly Policy[], authority: Authority): readonly PolicyResult[] {
  const subjects = subjectsOf(authority);
  return policies.map((policy): PolicyResult => {
    const world: World = { authority, subjects, policy };
    const unknown = checkNames(world);
    if (unknown.length > 0) return { policy, findings: unknown };
    const result = 'a' in policy ? provePair(world, policy) : proveRegion(world, policy);
    return typeof result === 'string'
      ? { policy, proof: result, findings: [] }
      : { policy, findings: result };
  });
}

interface World {
  readonly authority: Authority;
  readonly subjects: ReadonlyMap<string, Subject>;
  readonly policy: Policy;
}

// ---- names ---------------------------------------------------------------------------------------------------------

function checkNames({ subjects, authority, policy }: World): Diagnostic[] {
  const wanted = 'a' in policy ? [policy.a, policy.b] : [policy.pd];
  const { place } = policy;
  const text = describePolicy(policy);
  const found = wanted
    .filter((name) => !subjects.has(name))
    .map((name) =>
      errorFinding('AUD301', `${text}: there is no protection domain or virtual machine '${name}'`, {
        hint: didYouMean(name, [...subjects.keys()]),
        place,
      }),
    );
  if ('a' in policy)
    return policy.a !== policy.b
      ? found
      : [
          ...found,
          errorFinding('AUD303', `${text} is about '${policy.a}' and itself`, {
            hint: 'name two protection domains',
            place,
          }),
        ];
  const region = authority.regions.get(policy.region);
  if (region === undefined)
    return [
      ...found,
      errorFinding('AUD302', `${text}: there is no memory region '${policy.region}'`, {
        hint: didYouMean(policy.region, [...authority.regions.keys()]),
        place,
      }),
    ];
  if (policy.kind !== 'onlyDevice' || region.isDevice) return found;
  return [
    ...found,
    errorFinding(
      'AUD304',
      `${text}: memory region '${policy.region}' has no physical address, so it is no device`,
      { hint: `write exclusive(${policy.region}, ${policy.pd})`, place },
    ),
  ];
}

// ---- the policies --------------------------------------------------------------------------------------------------

/** A proof, or what is wrong. */
type Result = string | readonly Diagnostic[];

const codes: Readonly<Record<Policy['kind'], string>> = {
  noSharedMemory: 'AUD310',
  noSharedWritable: 'AUD311',
  onlyChannel: 'AUD312',
  noPath: 'AUD313',
  exclusive: 'AUD314',
  onlyDevice: 'AUD315',
  cannotWrite: 'AUD316',
};

const hint = 'take the line away that gives it, or the policy';

function broken({ policy }: World, what: string, because: readonly (Because | undefined)[]): Diagnostic {
  const lines = because.flatMap((why) => (why === undefined ? [] : [why.text]));
  const place = because.find((why) => why?.place !== undefined)?.place ?? policy.place;
  const given = lines.length === 0 ? '' : `: ${[...new Set(lines)].join('; ')}`;
  return errorFinding(codes[policy.kind], `${describePolicy(policy)} does not hold: ${what}${given}`, {
    hint,
    place,
  });
}

function provePair(world: World, policy: PairPolicy): Result {
  if (policy.kind === 'noPath') return proveNoPath(world, policy);
  const { subjects } = world;
  const a = reachOf(subjects, policy.a);
  const b = reachOf(subjects, policy.b);
  const findings = [a, b].flatMap((reach) => creatorFindings(world, reach));
  const onlyWritable = policy.kind === 'noSharedWritable';
  const shared = sharedMemory(a, b).filter(
    ([one, other]) => !onlyWritable || one.isWritable || other.isWritable,
  );
  for (const [[one, other], count] of byLines(shared))
    findings.push(
      broken(
        world,
        `${one.who} ${access(one)} and ${other.who} ${access(other)} ${count === 1 ? '' : `${count} pages, the first of which is `}${one.name}`,
        [one.because, other.because],
      ),
    );
  const looked = `${a.memory.size} and ${b.memory.size} ${unit(world)}, of which none is shared${onlyWritable ? ' and writable' : ''}`;
  if (policy.kind !== 'onlyChannel') return findings.length > 0 ? findings : looked;
  const ends = channelEnds(world, policy);
  findings.push(...ends.findings);
  return findings.length > 0
    ? findings
    : `${looked}; ${ends.checked} capabilities, ${ends.channels} of channels between them`;
}

const unit = ({ authority }: World): string => (authority.from === 'image' ? 'pages' : 'pieces of memory');

const creatorFindings = (world: World, { creator }: Reach): Diagnostic[] =>
  creator === undefined
    ? []
    : [
        broken(world, `${creator.who} holds a capability (${creator.by.kind}) that can become any other`, [
          creator.by.because,
        ]),
      ];

/** What either holds of the other's, or of what the other has too, in both directions. */
function channelEnds(
  world: World,
  { a, b }: PairPolicy,
): { findings: Diagnostic[]; checked: number; channels: number } {
  const findings: Diagnostic[] = [];
  const { subjects, authority } = world;
  const monitors = monitorEndpoints(authority);
  let checked = 0;
  let channels = 0;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const holder = subjects.get(from);
    const owner = subjects.get(to);
    if (holder === undefined || owner === undefined) continue;
    const bound = new Set(owner.held.filter(({ isBound }) => isBound).map((held) => held.to));
    const own = new Set(owner.held.map((held) => held.to));
    const receiving = new Set(
      owner.held.filter((held) => held.kind === 'Endpoint' && held.badge === 0n).map((held) => held.to),
    );
    for (const held of holder.held) {
      checked += 1;
      const isDirect = owner.tcbs.has(held.to) || bound.has(held.to) || receiving.has(held.to);
      if ((!isDirect && !own.has(held.to)) || monitors.has(held.to)) continue;
      if (held.because?.kind === 'channel' && !held.isBound) channels += isDirect ? 1 : 0;
      else if (!isOwnEnd(held, holder))
        findings.push(
          broken(
            world,
            `'${from}' holds a ${held.kind} capability to '${authority.nodes[held.to]?.name}' of '${to}'`,
            [held.because],
          ),
        );
    }
  }
  return { findings, checked, channels };
}

/** Everybody has the monitor's endpoint, which nobody else receives on. */
function monitorEndpoints({ nodes, threads }: Authority): ReadonlySet<number> {
  const tcb = threads.find(({ kind }) => kind === 'monitor')?.node ?? -1;
  const cnode = nodes[tcb]?.edges.find(({ slot }) => slot === tcbSlot.cspace)?.to ?? -1;
  return new Set((nodes[cnode]?.edges ?? []).flatMap(({ kind, to }) => (kind === 'Endpoint' ? [to] : [])));
}

/** The holder's own object, to which the other has the channel's end. */
const isOwnEnd = ({ to, kind }: Held, { held }: Subject): boolean =>
  (kind === 'Notification' && held.some((own) => own.isBound && own.to === to)) ||
  (kind === 'Endpoint' && held.some((own) => own.to === to && own.badge === 0n));

function proveNoPath(world: World, { a, b, programs = 'libmicrokit' }: PairPolicy): Result {
  const { authority, subjects } = world;
  const creators = [...subjects.keys()].flatMap((name) => {
    const subject = subjects.get(name);
    const by = subject === undefined ? undefined : creatorOf(subject);
    return by === undefined
      ? []
      : [broken(world, `'${name}' holds a capability (${by.kind}) that can become any other`, [by.because])];
  });
  if (creators.length > 0) return creators;
  const path = findPath(authority, subjects, { a, b, programs });
  if (path === undefined)
    return `${subjects.size} protection domains, virtual machines and devices, ${authority.counts.capabilities} capabilities and ${authority.counts.memory} ${unit(world)} give no way`;
  return [
    broken(
      world,
      path.map(({ text }) => text).join(', then '),
      path.flatMap(({ because }) => because),
    ),
  ];
}

function proveRegion(world: World, policy: RegionPolicy): Result {
  const { authority, subjects } = world;
  const { kind, pd, region } = policy;
  const memory = authority.regions.get(region)?.memory ?? [];
  const own = reachOf(subjects, pd);
  if (kind === 'cannotWrite') {
    const written = memory.flatMap((key) => {
      const reached = own.memory.get(key);
      return reached?.isWritable === true ? [reached] : [];
    });
    const [first] = written;
    const findings = creatorFindings(world, own);
    if (first !== undefined)
      findings.push(broken(world, `${first.who} writes ${first.name}`, [first.because]));
    return findings.length > 0
      ? findings
      : `${memory.length} ${unit(world)} of '${region}' among the ${own.memory.size} that '${pd}' can reach: none can be written`;
  }
  const isOwn = new Set([pd, ...ownGuests(world, pd)]);
  const findings = [...subjects.keys()].flatMap((name) => {
    if (isOwn.has(name)) return [];
    const reach = reachOf(subjects, name);
    const reached = memory.flatMap((key) => {
      const touched = reach.memory.get(key);
      return touched === undefined ? [] : [touched];
    });
    const [first] = reached;
    return [
      ...creatorFindings(world, reach),
      ...(first === undefined
        ? []
        : [broken(world, `${first.who} ${access(first)} ${first.name}`, [first.because])]),
    ];
  });
  if (kind === 'onlyDevice' && !memory.some((key) => own.memory.has(key)))
    findings.push(broken(world, `'${pd}' does not reach it`, []));
  return findings.length > 0
    ? findings
    : `${memory.length} ${unit(world)} of '${region}': none of ${subjects.size - isOwn.size} others can reach one`;
}

/** Virtual machines whose thread or processor the protection domain holds. */
function ownGuests({ subjects }: World, pd: string): readonly string[] {
  const subject = subjects.get(pd);
  return subject === undefined
    ? []
    : controlledBy(subject, subjects).flatMap(({ target }) =>
        target.kind === 'virtual machine' ? [target.name] : [],
      );
}
