// SPDX-License-Identifier: BSD-2-Clause
// The part of QEMU's machine `virt` that a guest with a serial line and one virtio-mmio device needs, as .dts.
// Addresses and interrupts: QEMU's hw/arm/virt.c (base_memmap, a15irqmap); they are the same in 7.2 and 10.

export interface TreeOptions {
  readonly gicVersion: 2 | 3;
  readonly memoryMib: number;
  /** Where the initrd is, if QEMU does not say. */
  readonly initrd?: { readonly start: number; readonly end: number };
}

export function renderTree({ gicVersion, memoryMib, initrd }: TreeOptions): string {
  const flags = gicVersion === 2 ? '0x104' : '0x4';
  return `// SPDX-License-Identifier: BSD-2-Clause
/dts-v1/;

/ {
	compatible = "linux,dummy-virt";
	interrupt-parent = <&gic>;
	#address-cells = <2>;
	#size-cells = <2>;

	chosen {
		// Without a seed the kernel spends 130 million instructions on collecting one. A real run needs one of its own.
		rng-seed = <0x3141592 0x6535897 0x9323846 0x2643383 0x2795028 0x8419716 0x9399375 0x1058209>;
${initrd === undefined ? '' : `\t\tlinux,initrd-start = <0 ${initrd.start}>;\n\t\tlinux,initrd-end = <0 ${initrd.end}>;\n`}	};

	memory@40000000 {
		device_type = "memory";
		reg = <0 0x40000000 0 ${memoryMib * 2 ** 20}>;
	};

	cpus {
		#address-cells = <1>;
		#size-cells = <0>;

		cpu@0 {
			device_type = "cpu";
			compatible = "arm,armv8";
			reg = <0>;
		};
	};

	psci {
		compatible = "arm,psci-1.0", "arm,psci-0.2";
		method = "hvc";
	};

	timer {
		compatible = "arm,armv8-timer";
		interrupts = <1 13 ${flags}>, <1 14 ${flags}>, <1 11 ${flags}>, <1 10 ${flags}>;
		always-on;
	};

	gic: interrupt-controller@8000000 {
		compatible = "${gicVersion === 2 ? 'arm,cortex-a15-gic' : 'arm,gic-v3'}";
		interrupt-controller;
		#interrupt-cells = <3>;
		reg = <0 0x8000000 0 0x10000>, ${gicVersion === 2 ? '<0 0x8010000 0 0x10000>' : '<0 0x80a0000 0 0xf60000>'};
	};

	clock: clock {
		compatible = "fixed-clock";
		#clock-cells = <0>;
		clock-frequency = <24000000>;
	};

	serial@9000000 {
		compatible = "arm,pl011", "arm,primecell";
		reg = <0 0x9000000 0 0x1000>;
		interrupts = <0 1 4>;
		clocks = <&clock>, <&clock>;
		clock-names = "uartclk", "apb_pclk";
	};

	// The transport that QEMU gives to the first device: bus virtio-mmio-bus.31.
	virtio@a003e00 {
		compatible = "virtio,mmio";
		reg = <0 0xa003e00 0 0x200>;
		interrupts = <0 47 1>;
		dma-coherent;
	};
};
`;
}
