/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vmm/libvmm/ sees of the Microkit and of libvmm, played on the host: the names and the meaning of what it uses,
 * no more. The kernel's message registers are clobbered by every call that goes through them, as the real ones are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- seL4 and the Microkit ---- */

typedef uint64_t seL4_Word;
typedef int seL4_Error;
typedef uint8_t seL4_Uint8;
typedef unsigned microkit_channel;
typedef unsigned microkit_child;
typedef struct {
    seL4_Word label;
} microkit_msginfo;

typedef struct {
    seL4_Word pc, sp, spsr;
    seL4_Word x[31];
} seL4_UserContext;
#define x0 x[0]
#define x1 x[1]
#define x2 x[2]
#define x3 x[3]
#define x4 x[4]

enum { seL4_NoError };
enum { seL4_Fault_UnknownSyscall = 2 };
enum { seL4_Fault_VMFault = 5, seL4_Fault_VGICMaintenance, seL4_Fault_VCPUFault, seL4_Fault_VPPIEvent };
enum { seL4_VMFault_IP, seL4_VMFault_Addr, seL4_VMFault_PrefetchFault, seL4_VMFault_FSR };
typedef enum {
    seL4_VCPUReg_SCTLR,
    seL4_VCPUReg_TTBR0,
    seL4_VCPUReg_CNTV_CTL,
    seL4_VCPUReg_CNTV_CVAL,
    seL4_VCPUReg_CNTVOFF,
    seL4_VCPUReg_Num,
} seL4_VCPUReg;
enum { seL4_VCPUFault_HSR, seL4_VPPIEvent_IRQ = 0, seL4_VGICMaintenance_IDX = 0 };
#define BASE_VM_TCB_CAP 266

seL4_Word microkit_mr_get(seL4_Uint8 index);
void microkit_mr_set(seL4_Uint8 index, seL4_Word value);
seL4_Word microkit_msginfo_get_label(microkit_msginfo message);
void microkit_notify(microkit_channel channel);
void microkit_vcpu_arm_ack_vppi(microkit_child vcpu, seL4_Word interrupt);
void microkit_vcpu_stop(microkit_child vcpu);
seL4_Word microkit_vcpu_arm_read_reg(microkit_child vcpu, seL4_Word reg);
void microkit_vcpu_arm_write_reg(microkit_child vcpu, seL4_Word reg, seL4_Word value);
seL4_Error seL4_TCB_Resume(seL4_Word tcb);
seL4_Error seL4_TCB_ReadRegisters(seL4_Word tcb, bool suspend, seL4_Uint8 flags, seL4_Word count, seL4_UserContext *to);
seL4_Error seL4_TCB_WriteRegisters(seL4_Word tcb, bool resume, seL4_Uint8 flags, seL4_Word count,
                                   const seL4_UserContext *from);

/* ---- sDDF ---- */

/* A protected call into the driver. */
void sddf_timer_set_timeout(unsigned channel, uint64_t timeout_ns);
void cache_clean_and_invalidate(unsigned long start, unsigned long end);

/* ---- libvmm ---- */

void fake_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define LOG_VMM(...) fake_log(__VA_ARGS__)
#define LOG_VMM_ERR(...) fake_log(__VA_ARGS__)
#define SEL4_USER_CONTEXT_SIZE (sizeof(seL4_UserContext) / sizeof(seL4_Word))
#define GUEST_BOOT_VCPU_ID 0UL

typedef struct {
    uint32_t intid;
} irq_routing_info_t;
#define ARM_GIC_IRQ_ROUTE(vcpu, id) ((irq_routing_info_t) { .intid = ((void)(vcpu), (id)) })

typedef void (*virq_ack_fn_t)(irq_routing_info_t route, void *cookie);
bool virq_register(irq_routing_info_t route, virq_ack_fn_t finished, void *cookie);
bool virq_inject(irq_routing_info_t route);
bool vgic_inject_irq(size_t vcpu, int interrupt);
bool fault_advance_vcpu(size_t vcpu, seL4_UserContext *registers, size_t count);
bool fault_is_read(uint64_t syndrome);
seL4_Word *decode_rt(size_t number, seL4_UserContext *registers);
void *gpa_to_hva(uint64_t address, size_t size);
bool guest_start(uintptr_t entry, uintptr_t dtb, uintptr_t initrd);
typedef struct {
    uint64_t ram, ram_size, dtb, initrd;
} vmm_config_t;

#define HSR_EXCEPTION_CLASS(syndrome) (((syndrome) >> 26) & 0x3f)
#define HSR_SYNDROME_RT(syndrome) (((syndrome) >> 16) & 0x1f)
#define HSR_HVC_64_EXCEPTION 0x16
#define HSR_WFx_EXCEPTION 0x1
#define HSR_SMC_64_EXCEPTION 0x17
#define HSR_SYSREG_64_EXCEPTION 0x18
enum {
    PSCI_VERSION = 0,
    PSCI_CPU_ON = 3,
    PSCI_MIGRATE_INFO_TYPE = 6,
    PSCI_SYSTEM_OFF = 8,
    PSCI_SYSTEM_RESET = 9,
    PSCI_FEATURES = 0xa,
    PSCI_SYSTEM_RESET2 = 0x12,
};

/* ---- its interrupt controller ---- */

#if defined(CONFIG_ARM_GIC_V3_SUPPORT)
#define GIC_V3
#define GIC_DIST_PADDR 0x38800000UL
#define GIC_DIST_SIZE 0x10000
#define GIC_DIST_ENABLED 2
#define GIC_REDIST_PADDR 0x38880000UL
#define GIC_REDIST_TOTAL_SIZE 0x80000
#else
#define GIC_V2
#define GIC_DIST_PADDR 0x8000000UL
#define GIC_DIST_SIZE 0x1000
#define GIC_DIST_ENABLED 1
#endif
#define NUM_LIST_REGS 4
#define NUM_VCPU_LOCAL_VIRQS 32
#define VIRQ_INVALID (-1)
#define IRQ_IDX(interrupt) ((interrupt) / 32)
#define IRQ_BIT(interrupt) (1U << ((interrupt) % 32))
enum {
    GIC_DIST_CTLR = 0x000,
    GIC_DIST_ISENABLER0 = 0x100,
    GIC_DIST_ISENABLERN = 0x17c,
    GIC_DIST_ICENABLER0 = 0x180,
    GIC_DIST_ICENABLERN = 0x1fc,
    GIC_DIST_ISPENDR0 = 0x200,
    GIC_DIST_ISPENDRN = 0x27c,
    GIC_DIST_ICPENDR0 = 0x280,
    GIC_DIST_ICPENDRN = 0x2fc,
    GIC_DIST_IPRIORITYR0 = 0x400,
    GIC_DIST_ITARGETSRN = 0xbf8,
    GIC_DIST_ICFGRN = 0xcfc,
    GIC_DIST_SGIR = 0xf00,
    GIC_DIST_CPENDSGIR0 = 0xf10,
    GIC_DIST_SPENDSGIRN = 0xf2c,
};

enum {
    GICR_CTLR = 0x000,
    GICR_IIDR = 0x004,
    GICR_TYPER = 0x008,
    GICR_WAKER = 0x014,
    GICR_PIDR2 = 0xffe8,
    GICR_IGROUPR0 = 0x10080,
    GICR_ISENABLER0 = 0x10100,
    GICR_ICENABLER0 = 0x10180,
    GICR_ICACTIVER0 = 0x10380,
    GICR_IPRIORITYR0 = 0x10400,
    GICR_IPRIORITYRN = 0x1041c,
    GICR_ICFGR1 = 0x10c04,
};

#define MAX_IRQ_QUEUE_LEN 64
struct virq_handle {
    int virq;
};
struct gic_redist_sgi_ppi_map {
    uint32_t isenable;
};
struct gic_dist_map {
    uint32_t ctlr;
    uint32_t enable_set0[4];
    uint32_t enable_set[31];
};
typedef struct {
    struct virq_handle lr_shadow[NUM_LIST_REGS];
    struct irq_queue {
        struct virq_handle *irqs[MAX_IRQ_QUEUE_LEN];
        uint64_t head, tail;
    } irq_queue;
    struct virq_handle local_virqs[NUM_VCPU_LOCAL_VIRQS];
} vgic_vcpu_t;
typedef struct {
    void *registers;
    struct virq_handle vspis[128];
    vgic_vcpu_t vgic_vcpu[1];
} vgic_t;
/* Forgets all, the handlers too, as libvmm's does; and as its GICv3 does, leaves the queue alone. */
void vgic_init(void);
struct gic_dist_map *vgic_get_dist(void *registers);
struct gic_redist_sgi_ppi_map *vgic_get_redist_sgi_ppi(void *registers, size_t vcpu);
bool is_sgi_ppi_enabled_v3(struct gic_redist_sgi_ppi_map *registers, int interrupt);
bool vgic_dist_is_enabled(struct gic_dist_map *registers);
struct virq_handle *virq_find_irq_data(vgic_t *vgic, size_t vcpu, int interrupt);

/* ---- its console ---- */

#define VIRTIO_DEFAULT_QUEUE_SIZE 128
enum {
    REG_VIRTIO_MMIO_MAGIC_VALUE = 0x000,
    REG_VIRTIO_MMIO_VERSION = 0x004,
    REG_VIRTIO_MMIO_DEVICE_ID = 0x008,
    REG_VIRTIO_MMIO_VENDOR_ID = 0x00c,
    REG_VIRTIO_MMIO_DEVICE_FEATURES = 0x010,
    REG_VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034,
    REG_VIRTIO_MMIO_INTERRUPT_STATUS = 0x060,
    REG_VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc,
    REG_VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014,
    REG_VIRTIO_MMIO_DRIVER_FEATURES = 0x020,
    REG_VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024,
    REG_VIRTIO_MMIO_QUEUE_SEL = 0x030,
    REG_VIRTIO_MMIO_QUEUE_NUM = 0x038,
    REG_VIRTIO_MMIO_QUEUE_READY = 0x044,
    REG_VIRTIO_MMIO_QUEUE_NOTIFY = 0x050,
    REG_VIRTIO_MMIO_INTERRUPT_ACK = 0x064,
    REG_VIRTIO_MMIO_STATUS = 0x070,
    REG_VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080,
    REG_VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084,
    REG_VIRTIO_MMIO_QUEUE_AVAIL_LOW = 0x090,
    REG_VIRTIO_MMIO_QUEUE_AVAIL_HIGH = 0x094,
    REG_VIRTIO_MMIO_QUEUE_USED_LOW = 0x0a0,
    REG_VIRTIO_MMIO_QUEUE_USED_HIGH = 0x0a4,
};
enum {
    VIRTIO_CONFIG_S_ACKNOWLEDGE = 1,
    VIRTIO_CONFIG_S_DRIVER = 2,
    VIRTIO_CONFIG_S_DRIVER_OK = 4,
    VIRTIO_CONFIG_S_FEATURES_OK = 8,
    VIRTIO_CONFIG_S_FAILED = 0x80,
};
enum { VIRTQ_DESC_F_NEXT = 1, VIRTQ_DESC_F_WRITE = 2, VIRTQ_DESC_F_INDIRECT = 4 };

struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};
struct virtq_avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[];
};
struct virtq_used_elem {
    uint32_t id;
    uint32_t len;
};
struct virtq_used {
    uint16_t flags;
    uint16_t idx;
    struct virtq_used_elem ring[];
};
struct virtq {
    unsigned num;
    struct virtq_desc *desc_gpa;
    struct virtq_avail *avail_gpa;
    struct virtq_used *used_gpa;
};
struct virtio_queue_handler {
    struct virtq virtq;
    bool ready;
    uint16_t last_idx;
};
typedef struct {
    uint32_t capacity;
} serial_queue_handle_t;
struct virtio_device {
    struct {
        uint32_t QueueSel, Status, DriverFeaturesSel;
    } regs;
    size_t num_vqs;
    const struct {
        void (*device_reset)(struct virtio_device *device);
    } *funs;
    bool features_happy;
};
struct virtio_console_device {
    struct virtio_device virtio_device;
    struct virtio_queue_handler vqs[2];
    serial_queue_handle_t *txq;
};

/* Counts its calls in fake.console_kicks; refuses, as libvmm does while the guest has not enabled the interrupt. */
bool virtio_console_queue_notify(struct virtio_console_device *console);

/* ---- the stage ---- */

#define FAKE_RAM_START 0x40000000UL
#define FAKE_RAM_SIZE 0x10000

/* All that the code under test did and all that it is told. fake_reset() before every test. */
extern struct fake {
    char log[4096];
    seL4_Word message[4];
    seL4_UserContext registers; /* of the guest */
    unsigned register_reads;
    unsigned register_writes;
    seL4_Error read_error, write_error;
    unsigned advances; /* of the guest's program counter */
    unsigned acknowledged; /* VPPI events */
    seL4_Word vcpu_registers[seL4_VCPUReg_Num];
    unsigned stops, resumes; /* of the vCPU */
    seL4_Word resumed; /* TCB capability of the last resume */
    seL4_Error resume_error;
    uint64_t count, frequency; /* of the machine's counter */
    bool is_counter_hidden;
    uint64_t timeout_ns; /* what the timer was last asked for */
    unsigned timeouts, timeout_channel;
    unsigned injected[1024];
    unsigned notified[64];
    virq_ack_fn_t finished;
    bool is_full; /* libvmm has no place for another handler */
    struct gic_dist_map distributor;
    struct gic_redist_sgi_ppi_map redistributor;
    unsigned console_kicks;
    unsigned starts;  /* by guest_start() */
    unsigned runs;    /* by seL4_TCB_WriteRegisters() */
    unsigned placed;  /* images */
    uint64_t entry;   /* 0: they do not fit */
    uint64_t cleaned; /* where the caches were last cleaned */
    uint8_t ram[FAKE_RAM_SIZE] __attribute__((aligned(4096)));
} fake;
extern vgic_t vgic;

void fake_reset(void);

/* What the guest does to its distributor, and with GICv3 to its redistributor, to get an interrupt; libvmm knows 0 to 15, 27, 74 and 75. */
void fake_enable(uint32_t interrupt);
