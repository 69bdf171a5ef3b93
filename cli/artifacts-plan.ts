// SPDX-License-Identifier: BSD-2-Clause
// Several images as one plan: each in a directory of its own, and what they have in common made once.
import assert from 'node:assert/strict';
import { initramfsSteps } from '../linux/guest.ts';
import { inDirectory, type Step } from '../make/step.ts';
import { type ImageInputs, planImage } from '../Makefile.ts';

/** Steps for all `images`, whose names become directories, and for the initramfs of their guests, in `common/`. */
export function planImages(images: ReadonlyMap<string, ImageInputs>): readonly Step[] {
  const common = 'common';
  const [first] = images.values();
  assert(first !== undefined, 'no image to plan');
  const { clang, lld } = first.tools;
  const initramfs = initramfsSteps({
    images: first.images,
    programsDir: first.programs,
    clang,
    lld,
    outDir: 'guest',
    hasShell: first.after === 'shell',
  });
  const initrd = `../${common}/${initramfs.path}`;
  return [
    ...inDirectory(common, initramfs.steps),
    ...[...images].flatMap(([name, inputs]) => inDirectory(name, planImage({ ...inputs, initrd }))),
  ];
}
