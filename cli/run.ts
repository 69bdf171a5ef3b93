// SPDX-License-Identifier: BSD-2-Clause
// Runs the command line of this process: any but those that cli/quick.ts takes.
import { runProcess } from './vmbuild.ts';

await runProcess();
