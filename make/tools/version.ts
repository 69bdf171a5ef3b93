// SPDX-License-Identifier: BSD-2-Clause
// Dotted version numbers, and the suffixes that people put after them.

/** `2.3.0-dev+1` → `2.3.0`; `1:7.2.22` and words → undefined. */
export const parseVersion = (text: string): string | undefined => /^v?(\d+(?:\.\d+)*)/.exec(text)?.[1];

/** Negative, zero or positive, number by number; a missing one counts as 0. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number));
  for (let at = 0; at < Math.max(a?.length ?? 0, b?.length ?? 0); at += 1) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** True if they differ at most in what follows major and minor. */
export const isSameMinor = (left: string, right: string): boolean => {
  const firstTwo = (version: string): string => version.split('.').slice(0, 2).join('.');
  return firstTwo(left) === firstTwo(right);
};
