// SPDX-License-Identifier: BSD-2-Clause
// What the guests of test/peers/guest/suite.c say, and what to make of it: every test that passes over the kernel's own
// loopback has to pass over the device.

export const ways = ['loopback', 'serve', 'connect'] as const;
export type Way = (typeof ways)[number];

export interface WayResult {
  readonly way: Way;
  /** Numbers of tests. */
  readonly passed: ReadonlySet<number>;
  readonly skipped: ReadonlySet<number>;
  readonly failed: ReadonlySet<number>;
  /** Whether it came to the suite's end. */
  readonly isComplete: boolean;
}

export type SuiteLine =
  | { readonly kind: 'test'; readonly test: number; readonly name: string }
  | { readonly kind: 'result'; readonly result: WayResult }
  | { readonly kind: 'failed'; readonly reason: string };

/** Undefined: a line of something else. */
export function parseSuiteLine(text: string): SuiteLine | undefined {
  const [, list, name = ''] = /^vsock suite: list tests\| (\d+)\t(.+)$/.exec(text) ?? [];
  if (list !== undefined) return { kind: 'test', test: Number(list), name: name.trim() };
  const [, reason] = /^(?:vsock suite|vsock recv): FAILED (.*)$/.exec(text) ?? [];
  if (reason !== undefined) return { kind: 'failed', reason };
  const pattern =
    /^vsock suite: result way=(\w+) passed=([0-9a-f]{16}) skipped=([0-9a-f]{16}) failed=([0-9a-f]{16}) (complete|incomplete)$/;
  const [, word, passed = '', skipped = '', failed = '', end] = pattern.exec(text) ?? [];
  const way = ways.find((one) => one === word);
  if (way === undefined) return undefined;
  const [passedTests, skippedTests, failedTests] = [passed, skipped, failed].map(testsOf);
  const none = new Set<number>();
  return {
    kind: 'result',
    result: {
      way,
      passed: passedTests ?? none,
      skipped: skippedTests ?? none,
      failed: failedTests ?? none,
      isComplete: end === 'complete',
    },
  };
}

function testsOf(mask: string): Set<number> {
  const bits = BigInt(`0x${mask}`);
  return new Set(
    Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((bits >> BigInt(bit)) & 1n) === 1n),
  );
}

export interface Verdict {
  readonly isWell: boolean;
  /** For stdout: one line for each way, and one for each test that did not pass. */
  readonly lines: readonly string[];
}

const descriptions: Readonly<Record<Way, string>> = {
  loopback: "the kernel's own loopback (baseline)",
  serve: 'server in the first guest, client in the second',
  connect: 'client in the first guest, server in the second',
};

/** `names` of the tests, by their numbers. A way without a result is one that did not come to its end. */
export function judgeSuite(
  names: ReadonlyMap<number, string>,
  results: readonly WayResult[],
  asked: readonly Way[] = ways,
): Verdict {
  const nameOf = (test: number): string => `${test} ${names.get(test) ?? ''}`.trim();
  const baseline = results.find(({ way }) => way === 'loopback');
  let isWell = baseline !== undefined && names.size > 0;
  const lines = asked.flatMap((way) => {
    const result = results.find((one) => one.way === way);
    const all = way === 'loopback' ? [...names.keys()] : [...(baseline?.passed ?? [])];
    const expected = all.filter((test) => result?.skipped.has(test) !== true || way !== 'loopback');
    const missing = expected.filter((test) => result?.passed.has(test) !== true);
    if (way !== 'loopback' && (missing.length > 0 || expected.length === 0)) isWell = false;
    const passed = expected.length - missing.length;
    return [
      `vsock_test: ${passed} of ${expected.length} expected passed: ${descriptions[way]}`,
      ...missing.map(
        (test) => `  ${result?.failed.has(test) === true ? 'failed' : 'not run'}: ${nameOf(test)}`,
      ),
      ...(way === 'loopback'
        ? skippedLine([...(result?.skipped ?? [])].filter((test) => names.has(test)))
        : []),
    ];
  });
  return { isWell, lines };
}

const skippedLine = (tests: readonly number[]): string[] =>
  tests.length === 0 ? [] : [`  skipped: ${tests.join(', ')}`];
