// SPDX-License-Identifier: BSD-2-Clause
// A launch in a process of its own, for a test that kills it: `node launch-child.mjs QEMU DIRECTORY`.
import { launchQemu } from '../../../make/launch/qemu.ts';

const [qemu = '', logDir = ''] = process.argv.slice(2);
await launchQemu({ qemu, args: [], logDir, guests: [], pds: [], signal: new AbortController().signal });
