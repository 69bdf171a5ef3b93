// SPDX-License-Identifier: BSD-2-Clause
// What vmbuild says when the world is wrong: one clear diagnostic, the right exit code, no stack, nothing left behind.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { needQemu, needStack, needTools, packageRoot, processesIn, scratch, vmbuild } from './program.ts';
import { bare, expectRefusal } from './refusal.ts';

it('missing tools, SDK and sources are said at once, with exit 69', async () => {
  const directory = scratch();
  writeFileSync(join(directory, 'Image'), '');
  const run = await vmbuild(['--build-dir', join(directory, 'build'), '--offline'], {
    env: { ...bare(directory), PATH: '/nowhere' },
  });
  expectRefusal(
    run,
    69,
    /error\[SDK101\]: no Microkit SDK/,
    /libvmm/,
    /sDDF/,
    /error\[TOOL101\]: 'clang' is not found on PATH/,
    /error\[TOOL101\]: 'dtc' is not found/,
    /try: run: (vmbuild setup, or: apt|brew) install .*clang/,
    /error\[DEB103\]: .*--offline/,
  );
  expect(existsSync(join(directory, 'build'))).toBe(false);
});

it('[QEMU] too old: both versions, with all else that is missing', async () => {
  const directory = scratch();
  const old = join(directory, 'qemu-system-aarch64');
  writeFileSync(old, '#!/bin/sh\necho QEMU emulator version 6.2.0\n', { mode: 0o755 });
  const run = await vmbuild(['sim', '--build-dir', join(directory, 'build'), '--offline'], {
    env: { ...bare(directory), PATH: directory },
  });
  expectRefusal(
    run,
    69,
    /error\[TOOL101\]: 'clang' is not found on PATH/,
    /error\[TOOL101\]: 'ld.lld' is not found/,
    /error\[TOOL102\]: '.*qemu-system-aarch64' is version 6\.2\.0, needed is 7\.2 or newer/,
    /try: run: (vmbuild setup, or: apt|brew) install clang lld qemu/,
    /error\[DEB103\]: .*--offline/,
  );
  expect(existsSync(join(directory, 'build'))).toBe(false);
});

it.each(['qemu', 'sim'])(
  '[QEMU] missing: %s says so with all else that is missing, and the package',
  async (command) => {
    const directory = scratch();
    const run = await vmbuild([command, '--build-dir', join(directory, 'build'), '--offline'], {
      env: { ...bare(directory), PATH: directory },
    });
    expectRefusal(
      run,
      69,
      /error\[TOOL101\]: 'qemu-system-aarch64' is not found on PATH \(needed: 7\.2 or newer\)/,
      /try: run: (vmbuild setup, or: apt|brew) install clang .*qemu/,
    );
    expect(existsSync(join(directory, 'build'))).toBe(false);
  },
);

it('a QEMU without the board’s machine is refused before anything is looked for or built', async () => {
  const directory = scratch();
  const qemu = join(directory, 'qemu-system-aarch64');
  const script = `case "$*" in --version) echo QEMU emulator version 9.2.0;; *) echo Supported machines are:;; esac`;
  writeFileSync(qemu, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const args = ['qemu', '--board', 'zcu102', '--build-dir', join(directory, 'build'), '--offline'];
  const run = await vmbuild(args, { env: { ...bare(directory), PATH: directory } });
  expectRefusal(run, 69, /error\[RUN120\]: '.*qemu-system-aarch64' 9\.2\.0 has no machine 'xlnx-zcu102'/);
  expect(existsSync(join(directory, 'build'))).toBe(false);
});

it('an SDK of another version is refused with both versions, and so is a directory that is none', async () => {
  const directory = scratch();
  mkdirSync(join(directory, 'old/bin'), { recursive: true });
  mkdirSync(join(directory, 'old/board/qemu_virt_aarch64/debug'), { recursive: true });
  writeFileSync(join(directory, 'old/VERSION'), '2.0.1\n');
  writeFileSync(join(directory, 'old/bin/microkit'), '#!/bin/sh\n', { mode: 0o755 });
  const old = await vmbuild(
    ['--sdk', join(directory, 'old'), '--build-dir', join(directory, 'build'), '--offline'],
    {
      env: bare(directory),
    },
  );
  expect(old.stderr).toMatch(/error\[[A-Z]+\d+\]: .*2\.0\.1.*2\.3\.0/);
  expect(old.code).not.toBe(0);

  const none = await vmbuild(['--build-dir', join(directory, 'build'), '--offline'], {
    env: { ...bare(directory), MICROKIT_SDK: join(directory, 'old', 'bin') },
  });
  expect(none.stderr).toMatch(/error\[SDK10\d\]: .*given by MICROKIT_SDK/);
  expect(existsSync(join(directory, 'build'))).toBe(false);
});

it.each([
  ['gzip', gzipSync('Linux'), /gzip/],
  ['an x86 ELF', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(100)]), /ELF/],
  ['an EFI zboot image', zboot(), /zboot/],
  ['text', Buffer.from('hello, world\n'.repeat(20)), /not a raw arm64 Image/],
  ['nothing', Buffer.alloc(0), /empty/],
])('a kernel that is %s is named as that', async (_name, bytes, what) => {
  const directory = scratch();
  const linux = join(directory, 'Image');
  writeFileSync(linux, bytes);
  const run = await vmbuild(['--linux', linux, '--build-dir', join(directory, 'build')], {
    env: bare(directory),
  });
  expect(run.stderr).toMatch(/error\[KERN\d{3}\]: /);
  expect(run.stderr).toMatch(what);
  expect(run.stderr).toContain(linux);
  expect(run.code).not.toBe(0);
  expect(existsSync(join(directory, 'build'))).toBe(false);
});

function zboot(): Buffer {
  const image = Buffer.alloc(512);
  image.write('MZ\0\0zimg', 'latin1');
  return image;
}

it('a picture that cannot be written is refused before the build', async () => {
  const directory = scratch();
  const run = await vmbuild(['qemu', '--expect', '--save-svg', 'none/log.svg'], {
    cwd: directory,
    env: bare(directory),
  });
  expectRefusal(run, 1, /error\[RUN106\]: .*none\/log\.svg': .*ENOENT/, /try: name a file/);
  expect(readdirSync(directory)).toEqual([]);
});

it('a cache that cannot be written is the system’s refusal, not a bug', async () => {
  const directory = scratch();
  writeFileSync(join(directory, 'file'), '');
  const run = await vmbuild(['doctor'], {
    env: { ...bare(directory), VMBUILD_CACHE: join(directory, 'file', 'cache') },
  });
  expect(run.stderr).not.toContain('internal error');
  expect(run.code).not.toBe(70);
});

it('generate reads the driver from the sDDF that is named', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const sddf = join(directory, 'sddf');
  for (const file of [
    'include/sddf/serial/queue.h',
    'serial/components/virt_tx.c',
    'util/custom_libc/libc.c',
  ]) {
    mkdirSync(dirname(join(sddf, file)), { recursive: true });
    writeFileSync(join(sddf, file), '');
  }
  const config = join(sddf, 'drivers/serial/arm/config.json');
  mkdirSync(dirname(config), { recursive: true });
  const regions = [{ name: 'registers', perms: 'rw', size: 0x1000, dt_index: 0 }];
  writeFileSync(
    config,
    JSON.stringify({ compatible: ['arm,pl011'], resources: { regions, irqs: [{ dt_index: 0 }] } }),
  );
  const output = join(directory, 'out');
  const run = await vmbuild(['generate', '--sddf', sddf, '--output', output], { env: bare(directory) });
  expect(run.code).toBe(0);
  expect(readFileSync(join(output, 'vsock.system'), 'utf8')).toContain(
    'pl011@9000000/drivers/serial/arm/registers',
  );

  writeFileSync(config, '{');
  const broken = await vmbuild(['generate', '--sddf', sddf, '--output', output], { env: bare(directory) });
  expectRefusal(broken, 1, /error\[DRV103\]: .*config\.json' is no JSON/);
});

it('--help and --version are on stdout with exit 0', async () => {
  const help = await vmbuild(['--help']);
  expect(help.stdout).toContain('vmbuild qemu');
  expect(help.code).toBe(0);
  const version = await vmbuild(['--version']);
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(version.code).toBe(0);
});

it('[Command line] output into a closed pipe: does not change the verdict', async () => {
  const child = spawn(
    'bash',
    ['-c', `'${process.execPath}' dist/vmbuild.cjs --bogus 2>&1 | true; exit "\${PIPESTATUS[0]}"`],
    {
      cwd: packageRoot,
      stdio: 'ignore',
    },
  );
  const code = await new Promise((resolve) => {
    child.on('close', resolve);
  });
  expect(code).toBe(2);
});

it('generate writes nothing outside of --output', async () => {
  const directory = scratch();
  const run = await vmbuild(['generate', '--sdf', '../escaped', '--output', join(directory, 'out')]);
  expectRefusal(run, 2, /error\[ARG106\]/);
  expect(readdirSync(directory)).toEqual([]);
});

it('a device tree that is a device is refused', async () => {
  const run = await vmbuild(['generate', '--dtb', '/dev/zero', '--output', join(scratch(), 'out')]);
  expectRefusal(run, 1, /error\[IMG101\]: --dtb '\/dev\/zero' is not a regular file/);
});

it('refusals are JSON too if they are asked for', async () => {
  const directory = scratch();
  const run = await vmbuild(['--json', '--offline', '--build-dir', join(directory, 'build')], {
    env: bare(directory),
  });
  const { exit, diagnostics } = JSON.parse(run.stdout) as { exit: number; diagnostics: { code: string }[] };
  expect(exit).toBe(69);
  expect(run.code).toBe(69);
  expect(diagnostics.map(({ code }) => code)).toContain('SDK101');
});

it('a dry run prints every command and leaves nothing behind', async (ctx) => {
  await needStack(ctx);
  const directory = scratch();
  const run = await vmbuild(['qemu', '-n', '--build-dir', join(directory, 'build')]);
  expect(run.stdout).toMatch(/^\S*microkit vsock\.system --search-path/m);
  expect(run.stdout).toMatch(/^\S*qemu-system-aarch64 -machine virt,virtualization=on/m);
  expect(run.code).toBe(0);
  expect(readdirSync(directory)).toEqual([]);
});

it('more guests than colours are warned about where nothing is judged', async () => {
  const directory = scratch();
  const args = ['qemu', '--offline', '--build-dir', join(directory, 'build')];
  const seven = await vmbuild([...args, '--vms', '7'], { env: bare(directory) });
  expect(seven.stderr).toMatch(
    /warning\[RUN105\]: 7 guests .* tells 6 apart: what 'client_linux6' prints goes to the log of 'client_linux0'/,
  );
  const six = await vmbuild([...args, '--vms', '6'], { env: bare(directory) });
  expect(six.stderr).not.toContain('RUN105');
});

it('more guests than there is memory for are refused before anything is compiled', async (ctx) => {
  await needStack(ctx);
  const directory = scratch();
  const run = await vmbuild(['--vms', '16', '-v', '--build-dir', join(directory, 'build')]);
  expectRefusal(
    run,
    1,
    /MEM101\]: 16 guests .* the image takes about \d+\.\d MiB of the \d+\.\d MiB in \[0x6\w+\.\.0x70000000\), .* and the system about \d+\.\d MiB of 1536\.0 MiB RAM; \d+ fit$/m,
    /use --vms \d+$/m,
  );
  expect(run.stderr).not.toMatch(/^run (?!dtc )/m);
  expect(readdirSync(join(directory, 'build'))).not.toContain('obj');
});

it('clean leaves a directory alone that it has not built in', async () => {
  const directory = scratch();
  mkdirSync(join(directory, 'logs'));
  writeFileSync(join(directory, 'logs', 'console.log'), 'mine');
  const run = await vmbuild(['clean', '--build-dir', directory]);
  expect(run.code).toBe(0);
  expect(readdirSync(join(directory, 'logs'))).toEqual(['console.log']);
});

it('[Command line] output into a closed pipe: is no error', async () => {
  const child = spawn('sh', ['-c', `'${process.execPath}' dist/vmbuild.cjs --help | head -n 1; exit "$?"`], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise((resolve) => {
    child.on('close', resolve);
  });
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

it('doctor lists everything and exits with 69 if something is missing', async () => {
  const directory = scratch();
  const run = await vmbuild(['doctor'], { env: { ...bare(directory), PATH: '/nowhere' } });
  expect(run.stdout).toMatch(/^missing {2}clang/m);
  expect(run.stdout).toMatch(/^missing {2}Microkit SDK 2\.3\.0/m);
  expect(run.stdout).toMatch(/^missing {2}libvmm and sDDF/m);
  expect(run.stdout).toMatch(/^ok {7}board +qemu_virt_aarch64/m);
  expect(run.stdout).toMatch(/^missing {2}git/m);
  expect(run.stdout).toMatch(
    /^ok {7}room +store '.*': \d+ MiB free, about \d+ MiB needed; build directory /m,
  );
  for (const line of [
    /^ {2}apt {3}(sudo )?apt-get update && .*apt-get install -y --no-install-recommends clang lld llvm /m,
    /^ {2}dnf {3}(sudo )?dnf install -y clang lld llvm dtc /m,
    /^ {2}brew {2}brew install llvm lld dtc qemu /m,
    /^ {2}nix {3}nix shell nixpkgs#/m,
  ])
    expect(run.stdout).toMatch(line);
  expect(run.code).toBe(69);
});

it('generate needs Node and dtc only, and writes the same twice', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const { searchTools } = await import('../../make/tools/find.ts');
  const dtc = (await searchTools(['dtc'], process.env)).found.get('dtc')?.path ?? '';
  symlinkSync(dtc, join(bin, 'dtc'));
  const env = { ...bare(directory), PATH: bin };
  const output = join(directory, 'out');
  const run = await vmbuild(['generate', '--output', output, '--data'], { env });
  expect(run.stderr).not.toContain('error');
  expect(run.code).toBe(0);
  const names = run.stdout.trimEnd().split('\n');
  expect(names).toContain(join(output, 'vsock.system'));
  expect(names).toContain(join(output, 'config/CLIENT_VMM0.config.h'));
  expect(names).toContain(join(output, 'vmm_CLIENT_VMM1.data'));
  for (const name of names) expect(existsSync(name), name).toBe(true);
});

it('clean removes what was built and leaves what is the user’s', async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const directory = scratch();
  const output = join(directory, 'out');
  await vmbuild(['generate', '--output', output]);
  writeFileSync(join(output, 'notes.txt'), 'mine');
  mkdirSync(join(output, 'logs'));
  writeFileSync(join(output, 'logs', 'my.log'), 'mine');
  writeFileSync(join(output, 'logs', 'console.log'), '');
  const run = await vmbuild(['clean', '--build-dir', output]);
  expect(run.code).toBe(0);
  expect(readdirSync(output)).toEqual(['logs', 'notes.txt']);
  expect(readdirSync(join(output, 'logs'))).toEqual(['my.log']);
});

it('[Signals] Ctrl-C in download, unpack, compile, QEMU run: while QEMU runs leaves no process', {
  timeout: 480_000,
}, async (ctx) => {
  await needQemu(ctx);
  const buildDir = scratch();
  let isSent = false;
  const run = await vmbuild(['qemu', '--expect', '--timeout', '400', '--build-dir', buildDir], {
    onStderr: (text, child) => {
      if (isSent || !text.includes('Bootstrapping kernel')) return;
      isSent = true;
      child.kill('SIGINT');
    },
  });
  expect(isSent).toBe(true);
  expect(run.signal).toBe('SIGINT');
  expect(run.stdout).toBe('');
  expect(processesIn(buildDir)).toEqual([]);
});

it('[Command line] unknown board or configuration: one that the SDK lacks is refused with what it has', async (ctx) => {
  await needStack(ctx);
  const run = await vmbuild(['--config', 'benchmrk', '--build-dir', join(scratch(), 'build')]);
  expectRefusal(run, 1, /error\[SDK107\]: .*'benchmrk'/, /try: choose one of debug, release/);
});
