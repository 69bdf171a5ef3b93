// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild graph` as its users run it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot, vmbuild } from './program.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'graph-'));
  writeFileSync(join(directory, 'small.system'), small);
  writeFileSync(join(directory, 'broken.system'), small.replace('priority="9"', 'priority="1"'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const small = `<?xml version="1.0" encoding="UTF-8"?>
<system>
  <memory_region name="shared" size="0x1000"/>
  <protection_domain name="server" priority="9">
    <program_image path="server.elf"/>
    <map mr="shared" vaddr="0x1000000" perms="rw"/>
  </protection_domain>
  <protection_domain name="client" priority="5">
    <program_image path="client.elf"/>
    <map mr="shared" vaddr="0x1000000" perms="rw"/>
  </protection_domain>
  <channel><end pd="client" id="1" pp="true"/><end pd="server" id="2"/></channel>
</system>
`;

const graph = (...words: string[]): ReturnType<typeof vmbuild> =>
  vmbuild(['graph', ...words], { cwd: directory });

describe('vmbuild graph', () => {
  test('gives DOT on stdout, for a file and for the shipped system', async () => {
    const { code, stdout, stderr } = await graph('small.system');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^digraph system \{\n[^]*pd_server -> pd_client [^]*\n\}\n$/);
    const shipped = await graph('--board', 'odroidc4', '--quiet');
    expect(shipped.code).toBe(0);
    expect(shipped.stdout).toContain('vm_client_linux1');
  });

  test('takes the format from the name of the output', async () => {
    const heads = {
      'a.dot': /^digraph/,
      'a.mmd': /^flowchart/,
      'a.json': /^\{\n {2}"version": 1/,
      'a.svg': /^<svg /,
    };
    for (const [name, head] of Object.entries(heads)) {
      const { code, stdout, stderr } = await graph('small.system', '--output', name);
      expect({ code, stdout, stderr }).toEqual({
        code: 0,
        stdout: '',
        stderr: expect.stringContaining(name) as string,
      });
      expect(readFileSync(join(directory, name), 'utf8')).toMatch(head);
    }
  });

  test('draws a system of the user’s own', async () => {
    const { code, stdout } = await graph('--system', join(packageRoot, 'examples/two-pds/system.ts'));
    expect(code).toBe(0);
    expect(stdout).toContain('pd_server -> pd_client');
  });

  test('has ids and addresses as JSON', async () => {
    const { stdout } = await graph('small.system', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      system: 'small',
      channels: [
        {
          a: { protectionDomain: 'pd_client', id: 1, pp: true },
          b: { protectionDomain: 'pd_server', id: 2 },
        },
      ],
      memoryRegions: [{ maps: [{ address: '0x1000000' }, { address: '0x1000000' }] }],
    });
  });

  test('draws what Microkit would refuse, and says why it would', async () => {
    const { code, stdout, stderr } = await graph('broken.system');
    expect(code).toBe(0);
    expect(stdout).toContain('#cf222e');
    expect(stderr).toContain('PPCs must be to protection domains of strictly higher priorities');
  });

  test('says what stands out, which may be what nobody refuses', async () => {
    const silent = small.replace(/ *<channel>.*\n/, '');
    writeFileSync(join(directory, 'silent.system'), silent);
    const { code, stderr } = await graph('silent.system');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        "graph: shared-without-channel: 'client' (5) and 'server' (9) both write 'shared' and have no channel to one another\n",
    });
  });

  test.each([
    [['small.system', '--format', 'png'], 2, 'GRF105'],
    [['small.system', '--output', 'a.png'], 2, 'GRF105'],
    [['small.system', '--json', '--format', 'dot'], 2, 'GRF105'],
    [['small.system', '--format', 'dot', '--output', 'small.system'], 2, 'ARG128'],
    [['nowhere.system'], 1, 'SDF717'],
    [['small.system', '--system', 'my.ts'], 2, 'ARG143'],
  ])('%j is refused', async (words, wanted, error) => {
    const { code, stdout, stderr } = await graph(...words);
    expect({ code, stdout: stdout.startsWith('{') ? '' : stdout }).toEqual({ code: wanted, stdout: '' });
    expect(stderr).toContain(`error[${error}]`);
    expect(readFileSync(join(directory, 'small.system'), 'utf8')).toBe(small);
  });

  test('says that a big system is drawn with less', async () => {
    // Each two of 50 protection domains share a region.
    const pds = Array.from({ length: 50 }, (_, index) => index);
    const pairs = pds.flatMap((a) => pds.filter((b) => b > a).map((b) => ({ a, b, name: `r${a}_${b}` })));
    const all = [
      ...pairs.map(({ name }) => `<memory_region name="${name}" size="0x1000"/>`),
      ...pds.map((pd) => {
        const maps = pairs
          .filter(({ a, b }) => a === pd || b === pd)
          .map(({ name }, at) => `<map mr="${name}" vaddr="0x${(0x100_0000 + at * 0x1000).toString(16)}"/>`);
        return `<protection_domain name="p${pd}"><program_image path="p.elf"/>${maps.join('')}</protection_domain>`;
      }),
    ];
    writeFileSync(join(directory, 'big.system'), `<system>${all.join('\n')}</system>`);
    const { code, stdout, stderr } = await graph('big.system', '--format', 'mermaid');
    expect(code).toBe(0);
    expect(stdout.length).toBeLessThan(50_000);
    expect(stderr).toContain('warning[GRF104]');
  });

  test('without dot it takes viz, which gives the same bytes anywhere', async () => {
    const { code, stdout } = await vmbuild(['graph', 'small.system', '--format', 'svg'], {
      cwd: directory,
      env: { PATH: '' },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^<svg [^]*<\/svg>\n$/);
  });
});
