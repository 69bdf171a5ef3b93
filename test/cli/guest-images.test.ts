// SPDX-License-Identifier: BSD-2-Clause
// Which guest a build or `sim` takes where nothing is said, and whom it asks for that.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext, vi } from 'vitest';
import { guestImagesTask } from '../../cli/guest-images.ts';
import type { GuestSource } from '../../cli/guest-flag.ts';
import { settle } from '../../cli/options.ts';
import { trustworthyImages } from '../../linux/trustworthy-names.ts';
import { cacheDir as realCache, loadDebianGuest } from '../linux/debian-guest.ts';
import { type ImageSite, startImageSite } from '../linux/image-site.ts';
import { refusedBy } from '../make/refused.ts';
import { scratchDir } from '../make/scratch.ts';
import { requireOrSkip } from '../require.ts';

let site: ImageSite;
let cache = '';
const { PATH } = process.env;
beforeEach(async () => {
  site = await startImageSite();
  cache = scratchDir();
});
afterEach(() => {
  process.env['PATH'] = PATH;
  vi.restoreAllMocks();
});

const load = (flags: Record<string, unknown>, preferred: GuestSource['from'], isDoomed = false) => {
  const env = { VMBUILD_CACHE: cache, VMBUILD_IMAGES: site.base };
  const settings = settle({ quiet: true, ...flags }, env);
  return guestImagesTask({ settings, env, signal: AbortSignal.timeout(60_000) }, preferred)(isDoomed);
};

/** The store has Debian's guest. */
async function storeDebian(ctx: TestContext): Promise<void> {
  const guest = await loadDebianGuest();
  requireOrSkip(ctx, 'guest-images', typeof guest !== 'string', typeof guest === 'string' ? guest : '');
  mkdirSync(join(cache, 'guests'));
  symlinkSync(join(realCache, 'guests/debian'), join(cache, 'guests/debian'));
}

/** No program is found, apt neither. */
function loseApt(): void {
  process.env['PATH'] = scratchDir();
}

describe("with Debian's guest in the store", () => {
  it.for(['trustworthy-systems', 'debian'] as const)(
    '%s preferred: it is taken, nobody is asked',
    async (preferred, ctx) => {
      await storeDebian(ctx);
      const { images, warnings } = await load({}, preferred);
      expect(images.kernel.path).toContain(join(cache, 'guests/debian'));
      expect(warnings).toEqual([]);
      expect(site.requests).toEqual([]);
    },
  );
});

describe('with an empty store', () => {
  it("Trustworthy Systems' images are asked for first; Debian's, which cannot be had either, stand in with a warning", async () => {
    loseApt();
    const said: unknown[] = [];
    vi.spyOn(console, 'error').mockImplementation((text) => void said.push(text));
    const { diagnostics } = await refusedBy(() => load({}, 'trustworthy-systems'));
    expect(diagnostics.map(({ code }) => code)).toEqual(['APT101']);
    expect(said.join('\n')).toMatch(/warning\[IMG122\].* Debian's are taken instead: NET103: /);
    expect(site.requests).toEqual([`HEAD ${trustworthyImages.kernel}.tar.gz`]);
  });

  it('sim asks nobody but Debian', async () => {
    loseApt();
    const { diagnostics } = await refusedBy(() => load({}, 'debian'));
    expect(diagnostics.map(({ code }) => code)).toEqual(['APT101']);
    expect(site.requests).toEqual([]);
  });

  it('--guest trustworthy-systems insists', async () => {
    const { diagnostics } = await refusedBy(() => load({ guest: 'trustworthy-systems' }, 'debian'));
    expect(diagnostics.map(({ code }) => code)).toEqual(['NET103']);
    expect(diagnostics[0]?.hint).toMatch(/; or use --guest debian$/);
  });

  it('--offline: nobody is asked', async () => {
    const { code, hint } = await refusedBy(() => load({ offline: true }, 'trustworthy-systems'));
    expect(code).toBe('DEB103');
    expect(hint).toMatch(/; or use --guest trustworthy-systems$/);
    expect(site.requests).toEqual([]);
  });

  it('a load that is doomed fetches nothing', async () => {
    const { diagnostics } = await refusedBy(() => load({}, 'trustworthy-systems', true));
    expect(diagnostics).toEqual([]);
    expect(site.requests).toEqual([]);
  });

  it('the name of an image that the site does not have', async () => {
    const name = `${'a'.repeat(40)}-linux`;
    const { code, message } = await refusedBy(() => load({ linux: name }, 'trustworthy-systems'));
    expect([code, message]).toEqual(['NET103', expect.stringContaining(`${name}.tar.gz answers 404`)]);
  });
});
