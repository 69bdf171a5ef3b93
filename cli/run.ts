// SPDX-License-Identifier: BSD-2-Clause
// Runs the command line of this process: any but those that cli/quick.ts takes.
import { exitCode } from '../meta/diagnostic.ts';
import { main } from './vmbuild.ts';

// Whoever leaves before it is done, whatever the reason, has not succeeded.
process.exitCode = exitCode.bug;
process.exitCode = await main(process.argv.slice(2), process.env);
