// SPDX-License-Identifier: BSD-2-Clause
// Mutants of the seat in a libvmm VMM and of what stands between a guest and libvmm: vmm/libvmm. Their killers are the C
// tests of test/vmm/libvmm.

import { mutant as m } from './mutant.ts';

const life = 'guest_life.c';
const lists = 'list_registers.c';
const seat = 'vsock_seat.c';
const fault = 'guest_fault.c';
const dist = 'distributor.c';
const redist = 'redistributor.c';
const cpu = 'cpu_interface.c';
const guard = 'console_guard.c';
const timer = 'virtual_timer.c';
const access = 'guest_access.c';

export const seatMutants = [
  m(
    seat,
    'seat_ticks',
    'beats of an idle time count',
    '        heartbeats = 0;\n        return;',
    '        return;',
  ),
  m(seat, 'seat_ticks', 'a tick for each beat', 'heartbeats == HEARTBEATS_PER_TICK', 'true'),
  m(
    seat,
    'seat_ticks',
    'work of a tick forgotten',
    'has_more |= vsock_device_tick(&device);',
    '(void)vsock_device_tick(&device);',
  ),
  m(life, 'life_begins_again_as', 'vCPU not stopped', 'microkit_vcpu_stop((microkit_child)vcpu);', ''),
  m(life, 'life_begins_with', 'starts without images', 'entry != 0 && ', ''),
  m(
    life,
    'life_begins_again_after',
    'start over what is active',
    'list_registers_are_in_use(vcpu) && list_registers_empty(vcpu, config->ram)',
    'false',
  ),
  m(
    life,
    'life_begins_again_after',
    'first call believed',
    'is_call && list_registers_are_in_use(fault->vcpu) && calls < CALLS_MAX',
    'false',
  ),
  m(life, 'life_begins_again_even_if_an', 'waits for ever', ' && calls < CALLS_MAX', ''),
  m(life, 'life_begins_again_even_if_our', 'any fault is a call', 'is_call && list', 'list'),
  m(
    life,
    'life_begins_again_after',
    'takes ends from libvmm',
    ' && fault->label != seL4_Fault_VGICMaintenance',
    '',
  ),
  m(life, 'life_begins_again_after', 'ours for ever', '    is_emptying = false;\n', ''),
  m(life, 'life_of_a_guest_that_resets_in', 'any number of resets', 'resets_left--;', ''),
  m(
    life,
    'life_of_a_guest_that_resets_now',
    'allowance never fills up',
    'resets_left + (unsigned)earned',
    'resets_left',
  ),
  m(
    life,
    'life_of_a_guest_that_resets_now',
    'allowance without end',
    'earned < GUEST_LIFE_RESETS_MAX - resets_left ? ',
    'true ? ',
  ),
  m(
    life,
    'life_of_a_guest_that_resets_now',
    'time lost at each reset',
    'allowance_ticks += earned * ticks_per_reset;',
    'allowance_ticks = generic_timer_count();',
  ),
  m(life, 'life_begins_again_with_the_timer', 'timer kept', 'virtual_timer_reset(vcpu);', ''),
  m(life, 'life_begins_again_with_the_dist', 'distributor kept', 'distributor_reset(vcpu);', ''),
  m(
    'vcpu_registers.c',
    'life_begins_again_as',
    'last register forgotten',
    'i < seL4_VCPUReg_Num; i++) {\n        microkit_vcpu_arm_write',
    'i + 1U < seL4_VCPUReg_Num; i++) {\n        microkit_vcpu_arm_write',
  ),
  m(
    lists,
    'life_begins_again_after',
    'last list register forgotten',
    'i < NUM_LIST_REGS',
    'i < NUM_LIST_REGS - 3',
  ),
  m(
    lists,
    'life_begins_again_after',
    'caches not cleaned',
    'cache_clean_and_invalidate((uintptr_t)code, (uintptr_t)code + size);',
    '',
  ),
  m(
    lists,
    'life_begins_again_after',
    'interrupts not masked',
    '#define SPSR_EL1H_MASKED 0x3c5',
    '#define SPSR_EL1H_MASKED 0x5',
  ),
  m(
    lists,
    'life_begins_again_after',
    'invalid taken for an interrupt',
    'interrupt == VIRQ_INVALID ? NO_INTERRUPT : ',
    '',
  ),
  m(
    dist,
    'life_begins_again_with_the_dist',
    'handlers forgotten',
    'memcpy(vgic.vspis, before.vspis, sizeof(vgic.vspis));',
    '',
  ),
  m(
    dist,
    'life_begins_again_with_the_dist',
    'queue kept',
    'memset(&own->irq_queue, 0, sizeof(own->irq_queue));',
    '',
  ),
  m(
    dist,
    'life_begins_again_after',
    'list registers forgotten',
    'memcpy(own->lr_shadow, before.vgic_vcpu[vcpu].lr_shadow, sizeof(own->lr_shadow));',
    '',
  ),
  m(
    seat,
    'seat_forgets',
    'waits for a dead end',
    '    is_injected = false;\n    was_finished = false;\n}',
    '}',
  ),
  m(seat, 'seat_forgets', 'device not reset', 'has_more |= vsock_device_guest_reset(&device);', ''),
  m(
    seat,
    'seat_tells_enabling',
    'any report is an end',
    'was_finished && label == seL4_Fault_VGICMaintenance',
    'was_finished',
  ),
  m(seat, 'seat_has_one', 'injects on top', '!level_is_up || is_injected || ', '!level_is_up || '),
  m(
    seat,
    'seat_waits',
    'injects what is not enabled',
    ' || !distributor_accepts(GUEST_BOOT_VCPU_ID, config->irq)',
    '',
  ),
  m(seat, 'seat_goes_on', 'works for ever', 'round < ROUNDS_MAX', 'true'),
  m(guard, 'life_of_a_console', 'features stay agreed', 'device->features_happy = false;', ''),
  m(guard, 'console_queue_beyond', 'any queue number', 'index >= console->virtio_device.num_vqs || ', ''),
  m(
    guard,
    'console_queue_is_locked',
    'changes of a ready queue',
    ' || console->vqs[index].ready) {\n        return CONSOLE_IGNORE',
    ') {\n        return CONSOLE_IGNORE',
  ),
  m(fault, 'psci_reset', 'RESET2 is for libvmm', 'case PSCI_SYSTEM_RESET2:\n', ''),
  m(
    fault,
    'psci_off',
    'power-off is for libvmm',
    'LOG_VMM("the guest powered itself off\\n");\n        return GUEST_FAULT_STOP;',
    'break;',
  ),
  m(
    fault,
    'calls_that_nobody',
    'any service is PSCI',
    'SMC_SERVICE(registers.x0) != SMC_STANDARD_SERVICE',
    'false',
  ),
  m(
    fault,
    'fault_at_the_distributor',
    'message lost',
    'microkit_mr_set((seL4_Uint8)i, fault->words[i]);',
    '',
  ),
  m(
    fault,
    'maintenance_of_no',
    'ends of nothing reach libvmm',
    'distributor_expects_end(fault->vcpu, fault->words[seL4_VGICMaintenance_IDX])',
    'true',
  ),
  m(
    timer,
    'timer_is_held',
    'acknowledged at once',
    'is_held = true;',
    'microkit_vcpu_arm_ack_vppi(0, interrupt);',
  ),
  m(
    timer,
    'life_begins_again_with_the_timer',
    'held over',
    '    is_held = false;\n    microkit_vcpu_arm_ack_vppi((microkit_child)vcpu, VIRTUAL',
    '    microkit_vcpu_arm_ack_vppi((microkit_child)vcpu, VIRTUAL',
  ),
  m(access, 'access_', 'ISV not looked at', 'if (!INSTRUCTION_VALID(syndrome))', 'if (false)'),
  m(
    redist,
    'redistributor_',
    'frames of CPUs that are not there',
    'access->address - GIC_REDIST_PADDR;',
    '(access->address - GIC_REDIST_PADDR) % 0x20000;',
  ),
  m(
    cpu,
    'cpu_interface_',
    'sends what is not enabled',
    'is_to_itself && distributor_accepts(vcpu, interrupt)',
    'is_to_itself',
  ),
  m(guard, 'console_status', 'any status', 'return stored == 0;\n    }\n}', 'return true;\n    }\n}'),
  m(guard, 'console_features', 'any features', 'return stored == (half == 1 ? 1 : 0);', 'return true;'),
  m(guard, 'console_loads', 'loads of any width', ' && access->width_bytes == 4;', ';'),
  m(
    guard,
    'console_loads',
    'loads anywhere',
    'return is_good && is_read_by_drivers(console, offset)',
    'return is_good',
  ),
  m(fault, 'calls_that_nobody', 'hypercalls stop the guest', 'case seL4_Fault_UnknownSyscall:', 'case 9999:'),
  m(fault, 'calls_that_nobody', 'no answer', 'registers.x0 = SMC_NOT_SUPPORTED;', ''),
  m(life, 'life_begins_again_without', 'resumed as a waiting one', 'idle_forget();', ''),
];
