// SPDX-License-Identifier: BSD-2-Clause
// What Trustworthy Systems' images are called and where they are. A name begins with the SHA-1 of the file that is in
// `<base>/<name>.tar.gz`.
/** Buildroot's rootfs, and a kernel with all four options built in. */
export const trustworthyImages: Readonly<Record<'kernel' | 'initrd', string>> = {
  kernel: '372b2c56f55f2d461e4570d79332298e0f7ecce4-linux',
  initrd: 'b6a276df6a0e39f76bc8950e975daa2888ad83df-rootfs.cpio.gz',
};

export const imagesBase = 'https://trustworthy.systems/Downloads/libvmm/images';

/** As upstream's Makefiles take it for LINUX and INITRD. */
export const isImageName = (text: string): boolean => /^[0-9a-f]{40}-\w[\w.-]{0,100}$/.test(text);
