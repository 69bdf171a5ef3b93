// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VMM of one Linux guest: a virtio console through sDDF's serial subsystem, a virtio socket to the other guests, and
 * sDDF's timer to wake the guest when it is idle.
 *
 * Compiled once for all VMMs. What differs between them comes from two objects that are linked in: the config structs
 * (one C file per VMM, rendered by meta/) and the guest's images (images.S). Nothing in here may fail by a trap: a
 * VMM whose guest cannot be started says so and stays, so that the rest of the system, its peers included, goes on.
 */
#include <string.h>
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <sddf/serial/config.h>
#include <sddf/serial/queue.h>
#include <sddf/timer/config.h>
#include "libvmm/console_guard.h"
#include "libvmm/event_counts.h"
#include "libvmm/guest_fault.h"
#include "libvmm/guest_life.h"
#include "libvmm/idle.h"
#include "libvmm/virtual_timer.h"
#include "libvmm/vsock_seat.h"
#include "heartbeat_config.h"

extern serial_client_config_t serial_config;
extern timer_client_config_t timer_config;
extern struct heartbeat_listener_config heartbeat_listener_config;
extern vmm_config_t vmm_config;
extern struct vsock_config vsock_config;

static serial_queue_handle_t serial_rx_queue;
static serial_queue_handle_t serial_tx_queue;
static struct virtio_console_device console;
static struct guarded_console guarded_console;

static bool is_running;

static bool start_guest(void);
static const char *absent_config(void);
static bool add_console(void);
static void work_on_console(void);
static void count_beat(void);
static enum guest_fault_verdict judge(const struct guest_fault *fault);
static void stop_guest(void);

void init(void)
{
    is_running = start_guest();
    if (!is_running) {
        LOG_VMM_ERR("no guest was started\n");
    }
    (void)vsock_seat_settle(0);
}

void notified(microkit_channel channel)
{
    event_window_enter();
    bool has_news = false;
    if (vsock_seat_owns(channel)) {
        event_count(VMM_EVENT_peer_wakeups);
        vsock_seat_notified(channel);
    } else if (is_running && channel == timer_config.driver_id) {
        event_count(VMM_EVENT_timeouts);
        if (idle_timer_fired()) {
            vsock_seat_time_is_up();
        }
    } else if (is_running && channel == heartbeat_listener_config.channel) {
        if (idle_heartbeat()) {
            vsock_seat_time_is_up();
        }
        count_beat();
    } else if (is_running && (channel == serial_config.rx.id || channel == serial_config.tx.id)) {
        event_count(VMM_EVENT_console_wakeups);
        work_on_console();
        has_news = true;
    }
    has_news |= vsock_seat_settle(0);
    if (has_news) {
        idle_resume();
    }
    event_window_leave();
}

seL4_Bool fault(microkit_child vcpu, microkit_msginfo message, microkit_msginfo *reply)
{
    event_window_enter();
    struct guest_fault guest_fault = guest_fault_read(vcpu, message);
    event_count_fault(&guest_fault, &guarded_console);
    enum guest_fault_verdict verdict = judge(&guest_fault);
    if (verdict == GUEST_FAULT_RESTARTED) {
        (void)vsock_seat_settle(0);
        event_window_leave();
        return seL4_False;
    }
    if (verdict == GUEST_FAULT_STOP || (verdict == GUEST_FAULT_FOR_LIBVMM && !fault_handle(vcpu, message))) {
        stop_guest();
        (void)vsock_seat_settle(0);
        return seL4_False;
    }
    if (guest_fault.label == seL4_Fault_VMFault) {
        virtual_timer_release(vcpu);
    }
    bool has_news = vsock_seat_settle(guest_fault.label);
    bool is_blocked = verdict == GUEST_FAULT_WAIT && !has_news && idle_wait(vcpu);
    event_window_leave();
    if (is_blocked) {
        return seL4_False;
    }
    *reply = microkit_msginfo_new(0, 0);
    return seL4_True;
}

static bool start_guest(void)
{
    const char *absent = absent_config();
    if (absent != NULL) {
        LOG_VMM_ERR("this image was linked without its %s: the magic is missing\n", absent);
        return false;
    }
    if (vmm_config.num_vcpus != 1) {
        LOG_VMM_ERR("%u vCPUs configured, but only one is supported\n", vmm_config.num_vcpus);
        return false;
    }
    /* The description maps guest RAM at its guest physical address, in the guest and here alike. */
    arch_guest_init_t guest = {
        .num_vcpus = 1,
        .num_guest_ram_regions = 1,
        .guest_ram_regions = { { .gpa_start = vmm_config.ram,
                                 .size = vmm_config.ram_size,
                                 .vmm_vaddr = (void *)vmm_config.ram } },
    };
    if (!guest_init(guest)) {
        LOG_VMM_ERR("libvmm could not be initialised\n");
        return false;
    }
    /* First of all, so that its peers get answers even if the guest never starts. */
    if (!vsock_seat_init(&vsock_config)) {
        return false;
    }
    LOG_VMM("starting \"%s\"\n", microkit_name);
    idle_init(timer_config.driver_id);
    return add_console() && guest_life_begin(&vmm_config);
}

/* The first config struct that does not begin as it should, or NULL. */
static const char *absent_config(void)
{
    if (!vmm_config_check_magic(&vmm_config)) {
        return "vmm_config";
    }
    if (!serial_config_check_magic(&serial_config)) {
        return "serial_config";
    }
    if (!timer_config_check_magic(&timer_config)) {
        return "timer_config";
    }
    if (memcmp(heartbeat_listener_config.magic, "pulse", HEARTBEAT_CONFIG_MAGIC_LEN) != 0) {
        return "heartbeat_listener_config";
    }
    if (memcmp(vsock_config.magic, "vsock", VSOCK_CONFIG_MAGIC_LEN) != 0) {
        return "vsock_config";
    }
    return NULL;
}

static bool add_console(void)
{
    const vmm_config_virtio_mmio_device_t *device = NULL;
    for (unsigned i = 0; i < vmm_config.num_virtio_mmio_devices && i < VMM_MAX_VIRTIO_MMIO_DEVICES; i++) {
        if (vmm_config.virtio_mmio_devices[i].type == VIRTIO_DEVICE_ID_CONSOLE) {
            device = &vmm_config.virtio_mmio_devices[i];
        }
    }
    if (device == NULL) {
        LOG_VMM_ERR("no virtio console among %u configured devices\n", vmm_config.num_virtio_mmio_devices);
        return false;
    }
    serial_queue_init(&serial_rx_queue, serial_config.rx.queue.vaddr, serial_config.rx.data.size,
                      serial_config.rx.data.vaddr);
    serial_queue_init(&serial_tx_queue, serial_config.tx.queue.vaddr, serial_config.tx.data.size,
                      serial_config.tx.data.vaddr);
    if (!virtio_mmio_console_init(&console, device->base, device->size,
                                  ARM_GIC_IRQ_ROUTE(GUEST_BOOT_VCPU_ID, device->irq), &serial_rx_queue,
                                  &serial_tx_queue, serial_config.tx.id, serial_config.rx.id)) {
        LOG_VMM_ERR("the virtio console could not be registered\n");
        return false;
    }
    guarded_console = (struct guarded_console) { .device = &console, .base = device->base, .size = device->size };
    return true;
}

static void work_on_console(void)
{
    if (!console_queues_are_sound(&console)) {
        LOG_VMM_ERR("guest stopped: its console queues are broken\n");
        stop_guest();
        return;
    }
    /* False means that the guest has not enabled the console's interrupt; it polls for what it sends. */
    (void)virtio_console_queue_notify(&console);
}

/* All else that takes time goes by tenths of a second. */
static void count_beat(void)
{
    static unsigned beats;
    beats++;
    if (beats >= heartbeat_listener_config.beats_per_pulse) {
        beats = 0;
        vsock_seat_heartbeat();
        guest_life_pulse();
    }
}

static enum guest_fault_verdict judge(const struct guest_fault *fault)
{
    if (guest_life_owns(fault)) {
        return guest_life_judge(fault);
    }
    enum guest_fault_verdict verdict = guest_fault_judge(fault, &guarded_console);
    if (verdict != GUEST_FAULT_RESET) {
        return verdict;
    }
    /* Before its memory is loaded anew: the device still sends what is queued in it. */
    vsock_seat_guest_reset();
    console_reset(&console);
    return guest_life_reset(fault->vcpu);
}

/* The vCPU's memory and devices stay as they are; only nothing moves in them any more. */
static void stop_guest(void)
{
    if (!is_running) {
        return;
    }
    is_running = false;
    vsock_seat_guest_off();
    idle_forget();
    guest_stop();
    LOG_VMM("guest stopped; %lu timer events had to be held, %lu deadlines were missed by the timer\n",
            virtual_timer_held_count(), idle_missed_count());
    event_counts_report();
    vsock_seat_report();
}
