// SPDX-License-Identifier: BSD-2-Clause
// What the engine tells while it runs: values, for reporters to print.
import type { Diagnostic } from '../meta/diagnostic.ts';
import type { LockOwner } from './lock.ts';
import type { Step } from './step.ts';

export type BuildEvent =
  /** Another build is at work in the same directory; this one waits for it. */
  | { readonly kind: 'waiting'; readonly owner: LockOwner }
  /** Each step ends as exactly one of fresh, finished, failed or skipped; `total` counts them all. */
  | { readonly kind: 'started'; readonly step: Step; readonly reason: string; readonly total: number }
  | { readonly kind: 'fresh'; readonly step: Step; readonly total: number }
  | {
      readonly kind: 'finished';
      readonly step: Step;
      readonly total: number;
      /** What the command printed; warnings, as a rule. */
      readonly output: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'failed';
      readonly step: Step;
      readonly total: number;
      readonly output: string;
      readonly durationMs: number;
      readonly diagnostics: readonly Diagnostic[];
    }
  /** Not run, because of a failure. */
  | { readonly kind: 'skipped'; readonly step: Step; readonly total: number };

export type OnEvent = (event: BuildEvent) => void;
