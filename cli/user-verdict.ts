// SPDX-License-Identifier: BSD-2-Clause
// What `qemu --system FILE --expect` alone waits for: the verdicts of the guests to which the description gives transfers.
import { colourCount } from '../make/launch/console.ts';
import { partiesOf, type Party } from '../make/launch/verdict.ts';
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { guestsOf } from './user-guests.ts';
import type { UserSystem } from './user-system.ts';

/** Refuses a system whose guests, if it has any, pass nothing, or whose clients cannot be told apart. */
export function userParties(described: UserSystem): readonly Party[] {
  const { serialClients } = described;
  const guests = guestsOf(described);
  const consoles = serialClients.map((client) => {
    const guest = guests.find(({ pd }) => pd === client)?.guest;
    // Who is no guest takes no part.
    return guest === undefined ? { vm: client, cid: 0 } : { ...guest, vm: guest.name };
  });
  const parties = partiesOf(consoles);
  if (parties.length === 0)
    refuse(
      'ARG142',
      '--expect without a pattern waits for transfers between Linux guests, and this system has none',
      {
        hint: "give it what a line of yours must match, --expect 'ready', or addVsock its transfers",
        exit: exitCode.usage,
      },
    );
  if (serialClients.length > colourCount)
    refuse(
      'RUN104',
      `--expect judges each guest by what it prints, but of ${serialClients.length} clients on the serial line sDDF tells ${colourCount} apart`,
      { hint: "give it what a line must match: --expect 'verified'", exit: exitCode.usage },
    );
  return parties;
}
