// SPDX-License-Identifier: BSD-2-Clause
// Two protection domains, a timer and a serial port, with sDDF's drivers. The ticker asks the timer to wake it, counts, and
// tells the printer, which prints over the serial port. How often is said here, once: the ticker's program gets it in a
// struct of our own, whose C header is generated from the fields below.
//
//   vmbuild qemu --system examples/timer/system.ts --expect 'tick 3 of 5'
import { defineSystem, fields, struct } from 'vmbuild/meta';

const tickerConfig = struct({
  cName: 'struct ticker_config',
  fields: { period_ms: fields.u32, count: fields.u32, greeting: fields.text(32) },
});

export default defineSystem(({ sdf, addTimer, addSerial, addConfig }) => {
  const ticker = sdf.addPd({ name: 'ticker', priority: 2, program: { sources: ['ticker.c'] } });
  const printer = sdf.addPd({
    name: 'printer',
    priority: 1,
    // With serial_printf, sddf_printf prints over the serial port; without, by the kernel's debug call.
    program: { sources: ['printer.c'], libraries: ['sddf', 'serial_printf'] },
  });

  const board = sdf.addMr({ name: 'board', size: 0x1000n });
  ticker.map(board, { perms: 'rw' });
  printer.map(board, { perms: 'r' });
  // Only the ticker notifies.
  sdf.addChannel({ a: { pd: ticker }, b: { pd: printer, notify: false } });

  addTimer({ clients: [ticker] });
  addSerial({ clients: [printer] });
  addConfig(ticker, tickerConfig, { period_ms: 200, count: 5, greeting: 'tick' });
});
