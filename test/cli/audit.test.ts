// SPDX-License-Identifier: BSD-2-Clause
// What is audited is what is started: two images that the tool made of the same files are held against each other.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { compareImages } from '../../cli/audit-subject.ts';
import { Refusal } from '../../meta/diagnostic.ts';

it('AUD401 an image that is not the audited one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vmbuild-audit-images-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const [one, other] = [join(directory, 'loader.img'), join(directory, 'audited.img')];
  writeFileSync(one, 'image');
  writeFileSync(other, 'image');
  await expect(compareImages(one, other)).resolves.toBeUndefined();
  writeFileSync(other, 'Image');
  await expect(compareImages(one, other)).rejects.toThrow(/^AUD401 /);
  await expect(compareImages(one, other)).rejects.toBeInstanceOf(Refusal);
});
