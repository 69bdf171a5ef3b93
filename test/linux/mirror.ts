// SPDX-License-Identifier: BSD-2-Clause
// A Debian mirror in small, on loopback: packages made with dpkg-deb, a package list, a Release file, and an HTTP
// server that can be told to misbehave. The packages have the shapes of Debian's kernel packages before and after
// their split.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { AptSource } from '../../make/tools/apt.ts';
import { makeImage } from './kernels.ts';

export type Fault = 'absent' | 'cut' | 'flipped' | 'stalls';

export interface Mirror {
  readonly sources: AptSource[];
  /** Paths that were asked for, in order. */
  readonly requests: string[];
  /** What to do with paths that match, instead of serving them. */
  fault: { readonly path: RegExp; readonly kind: Fault } | undefined;
  close(): Promise<void>;
}

export const newRelease = '9.1.2+deb13-cloud-arm64';
export const newVersion = '9.1.2-1~bpo13+1';
export const oldRelease = '8.0.1+deb13-cloud-arm64';
export const oldVersion = '8.0.1-1~bpo13+1';

export interface MirrorShape {
  /** Change the modules before they are packed. */
  readonly modules?: (modules: Map<string, Buffer>) => void;
}

export async function startMirror(shape: MirrorShape = {}): Promise<Mirror> {
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-mirror-'));
  const pool = join(dir, 'pool');
  await mkdir(pool);
  for (const one of packages(shape)) await makeDeb(pool, one);
  await writeLists(dir, await listPackages(dir, pool));
  return serve(dir);
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  readonly files: Readonly<Record<string, Buffer>>;
}

function packages(shape: MirrorShape): Package[] {
  const modulesOf = (release: string, root: string): Record<string, Buffer> => {
    const modules = new Map<string, Buffer>([
      ['drivers/virtio/virtio_mmio.ko', makeModule([], release)],
      ['net/vmw_vsock/vsock.ko', makeModule([], release)],
      ['net/vmw_vsock/vmw_vsock_virtio_transport_common.ko', makeModule(['vsock'], release)],
      [
        'net/vmw_vsock/vmw_vsock_virtio_transport.ko',
        makeModule(['vmw_vsock_virtio_transport_common', 'vsock'], release),
      ],
      [
        'net/vmw_vsock/vsock_loopback.ko',
        makeModule(['vsock', 'vmw_vsock_virtio_transport_common'], release),
      ],
      ['net/other/unwanted.ko', Buffer.from('not looked at')],
    ]);
    shape.modules?.(modules);
    return Object.fromEntries(
      [...modules].map(([path, bytes]) => [`${root}/${release}/kernel/${path}`, bytes]),
    );
  };
  return [
    {
      name: 'linux-image-cloud-arm64',
      version: newVersion,
      depends: `linux-image-${newRelease} (= ${newVersion})`,
      files: {},
    },
    {
      name: `linux-image-${newRelease}`,
      version: newVersion,
      depends: `kmod, linux-initramfs-tool | dracut, linux-binary-${newRelease}, linux-modules-${newRelease}`,
      files: {},
    },
    {
      name: `linux-binary-${newRelease}`,
      version: newVersion,
      files: {
        [`usr/lib/modules/${newRelease}/vmlinuz`]: makeImage({ banner: `Linux version ${newRelease} (x)` }),
      },
    },
    {
      name: `linux-modules-${newRelease}`,
      version: newVersion,
      files: modulesOf(newRelease, 'usr/lib/modules'),
    },
    {
      name: `linux-image-${oldRelease}`,
      version: oldVersion,
      files: {
        [`boot/vmlinuz-${oldRelease}`]: makeImage({ banner: `Linux version ${oldRelease} (x)` }),
        ...modulesOf(oldRelease, 'lib/modules'),
      },
    },
    { name: 'busybox-static', version: '1:1.37.0-6', files: { 'usr/bin/busybox': Buffer.from('busybox\n') } },
  ];
}

/** An ELF file of three sections: none, .modinfo, .shstrtab. It ends in a newline, as signed modules do. */
export function makeModule(depends: readonly string[], release: string): Buffer {
  const modinfo = Buffer.from(`license=GPL\0depends=${depends.join(',')}\0vermagic=${release} SMP\0`);
  const names = Buffer.from('\0.modinfo\0.shstrtab\0');
  const elf = Buffer.alloc(64);
  elf.write('7f454c46020101', 0, 'hex');
  const tableStart = 64 + modinfo.length + names.length;
  elf.writeBigUInt64LE(BigInt(tableStart), 40);
  elf.writeUInt16LE(64, 58);
  elf.writeUInt16LE(3, 60);
  elf.writeUInt16LE(2, 62);
  const section = (name: number, start: number, size: number): Buffer => {
    const header = Buffer.alloc(64);
    header.writeUInt32LE(name, 0);
    header.writeBigUInt64LE(BigInt(start), 24);
    header.writeBigUInt64LE(BigInt(size), 32);
    return header;
  };
  return Buffer.concat([
    elf,
    modinfo,
    names,
    Buffer.alloc(64),
    section(1, 64, modinfo.length),
    section(10, 64 + modinfo.length, names.length),
    Buffer.from('~Module signature appended~\n'),
  ]);
}

async function makeDeb(pool: string, { name, version, depends, files }: Package): Promise<void> {
  const tree = join(pool, 'tree');
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: arm64',
    'Maintainer: nobody <nobody@example.org>',
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    'Description: for a test',
  ];
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  await chmod(tree, 0o755);
  await writeFile(join(tree, 'DEBIAN/control'), `${control.join('\n')}\n`);
  for (const [path, bytes] of Object.entries(files)) {
    const isModule = path.endsWith('.ko');
    const target = join(tree, isModule ? `${path}.xz` : path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(
      target,
      isModule ? (await execa('xz', ['-c'], { input: bytes, encoding: 'buffer' })).stdout : bytes,
    );
  }
  await execa('dpkg-deb', [
    '-Zgzip',
    '--root-owner-group',
    '--build',
    tree,
    join(pool, `${name}_${version.replace(/^\d+:/, '')}.deb`),
  ]);
  await rm(tree, { recursive: true });
}

async function listPackages(dir: string, pool: string): Promise<string> {
  const stanzas: string[] = [];
  for (const file of await readdir(pool)) {
    const { stdout } = await execa('dpkg-deb', ['--field', join(pool, file)]);
    const bytes = await readFile(join(dir, 'pool', file));
    stanzas.push(`${stdout}\nFilename: pool/${file}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`);
  }
  return stanzas.join('\n');
}

async function writeLists(dir: string, list: string): Promise<void> {
  const suite = join(dir, 'dists/small');
  await mkdir(join(suite, 'main/binary-arm64'), { recursive: true });
  await writeFile(join(suite, 'main/binary-arm64/Packages'), list);
  const release = [
    'Suite: small',
    'Codename: small',
    'Architectures: arm64',
    'Components: main',
    'Date: Thu, 01 Jan 2026 00:00:00 UTC',
    'SHA256:',
    ` ${sha256(Buffer.from(list))} ${Buffer.byteLength(list)} main/binary-arm64/Packages`,
  ];
  await writeFile(join(suite, 'Release'), `${release.join('\n')}\n`);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function serve(dir: string): Promise<Mirror> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push(path);
    void answer(join(dir, path), path, mirror.fault, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const mirror: Mirror = {
    sources: [{ uri: `http://127.0.0.1:${port}/`, suite: 'small', component: 'main', trusted: true }],
    requests,
    fault: undefined,
    close: async () => {
      await closeServer(server);
      await rm(dir, { recursive: true, force: true });
    },
  };
  return mirror;
}

async function answer(
  file: string,
  path: string,
  fault: Mirror['fault'],
  response: ServerResponse,
): Promise<void> {
  const kind = fault?.path.test(path) === true ? fault.kind : undefined;
  const isFile = await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile || kind === 'absent') {
    response.writeHead(404).end();
    return;
  }
  const bytes = await readFile(file);
  response.writeHead(200, { 'content-length': bytes.length });
  if (kind === 'stalls') {
    response.write(bytes.subarray(0, 10));
  } else if (kind === 'cut') {
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  } else {
    const changed = Buffer.from(bytes);
    if (kind === 'flipped') changed.writeUInt8((changed[changed.length >> 1] ?? 0) ^ 1, changed.length >> 1);
    response.end(changed);
  }
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
