// SPDX-License-Identifier: BSD-2-Clause
// PID 1 of a guest. Mounts what the programs need, loads the modules that the kernel has not built in, waits for the
// console, runs the programs that the boot words ask for (vsock_recv, vsock_send), and powers the guest off, or keeps a
// shell on the console (vsock_after=shell).
//
// The console is the difficulty: with Debian's kernels the virtio-mmio driver is a module, so until it is loaded there
// is no /dev/hvc0, the kernel could not open a console for us, and descriptors 0 to 2 are closed. Lines are kept until
// it is there; if it never comes, they go to the kernel's log.
//
// A given initrd that needs these modules has this program as /vsock_init (rdinit=/vsock_init): it does the first half
// and then becomes the initrd's own /init.

#include "boot_words.h"
#include "line.h"

enum {
    CONSOLE_LIMIT_MS = 60 * 1000,
    CONSOLE_POLL_MS = 10,
    SHELL_PAUSE_MS = 1000,
    ORDER_SIZE = 4096,
    PATH_SIZE = 256,
    EARLY_SIZE = 2048,
    SYSLOG_CONSOLE_LEVEL = 8,
    LEVEL_ERRORS = 4,
    TIOCSCTTY = 0x540e,
    TCSBRK = 0x5409,
};

/* reboot(2) */
#define REBOOT_MAGIC_1 0xfee1deadL
#define REBOOT_MAGIC_2 672274793L
#define REBOOT_POWER_OFF 0x4321fedcL

/* What was said before there was a console. */
static char early[EARLY_SIZE];
static size_t early_length;
static int has_console;

/* Writes the line to the console, or keeps it until there is one. */
static void say(struct line *line)
{
    if (has_console) {
        write_line(line, STDOUT);
        return;
    }
    for (size_t i = 0; i < line->length && early_length < EARLY_SIZE - 1; i += 1, early_length += 1)
        early[early_length] = line->text[i];
    early[early_length] = '\n';
    early_length += early_length < EARLY_SIZE - 1;
    line->length = 0;
}

static void say_early(int fd)
{
    (void)write_file(fd, early, early_length);
    early_length = 0;
}

static struct line new_line(const char *text)
{
    return begin_line("VSOCK INIT|INFO: ", text);
}

static void say_error(const char *what, const char *name, long error)
{
    struct line line = new_line(what);
    add_text(&line, name);
    add_text(&line, ": ");
    add_error(&line, error);
    say(&line);
}

static void mount_on(const char *directory, const char *type)
{
    (void)system_call(SYS_mkdirat, AT_FDCWD, (long)directory, 0755, 0, 0);
    long error = system_call(SYS_mount, (long)type, (long)directory, (long)type, 0, 0);
    /* EBUSY: it is mounted already. */
    if (error < 0 && error != -EBUSY)
        say_error("mount ", directory, error);
}

/* `directory` and `name` in one; names that do not fit give an empty path, which no call accepts. */
static void join_path(char path[PATH_SIZE], const char *directory, const char *name)
{
    size_t length = 0;
    for (; *directory != '\0' && length < PATH_SIZE - 1; directory += 1, length += 1)
        path[length] = *directory;
    for (; *name != '\0' && length < PATH_SIZE - 1; name += 1, length += 1)
        path[length] = *name;
    path[*name == '\0' ? length : 0] = '\0';
}

static void load_module(const char *name)
{
    char path[PATH_SIZE];
    join_path(path, "/modules/", name);
    long fd = open_file(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say_error("module ", name, fd);
        return;
    }
    long error = system_call(SYS_finit_module, fd, (long)"", 0, 0, 0);
    close_file((int)fd);
    /* EEXIST: loaded already, or built into this kernel. */
    if (error < 0 && error != -EEXIST)
        say_error("module ", name, error);
}

/* Each line of /modules/order names a file in /modules. No such list: the kernel has all it needs. */
static void load_modules(void)
{
    static char order[ORDER_SIZE + 1];
    long fd = open_file("/modules/order", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    long size = read_file((int)fd, order, ORDER_SIZE);
    close_file((int)fd);
    if (size < 0) {
        say_error("read ", "/modules/order", size);
        return;
    }
    char *name = order;
    for (char *end = order; end < order + size; end += 1) {
        if (*end != '\n')
            continue;
        *end = '\0';
        if (name != end)
            load_module(name);
        name = end + 1;
    }
}

/* Opens the device that the last console= names, as soon as it is there, and makes it descriptors 0 to 2. */
static int open_console(void)
{
    char path[PATH_SIZE];
    char *name = command_line_word("console");
    join_path(path, "/dev/", name == NULL ? "console" : name);
    for (char *end = path; *end != '\0'; end += 1) {
        if (*end != ',')
            continue;
        *end = '\0'; /* ttyAMA0,115200 */
        break;
    }

    int64_t deadline_ms = clock_ms() + CONSOLE_LIMIT_MS;
    long fd = -ENOENT;
    for (;;) {
        fd = open_file(path, O_RDWR | O_NOCTTY);
        if (fd >= 0 || clock_ms() >= deadline_ms)
            break;
        sleep_ms(CONSOLE_POLL_MS);
    }
    if (fd < 0) {
        say_error("console ", path, fd);
        long log = open_file("/dev/kmsg", O_WRONLY | O_CLOEXEC);
        if (log >= 0)
            say_early((int)log);
        return 0;
    }
    for (int i = STDIN; i <= STDERR; i += 1)
        (void)system_call(SYS_dup3, fd, i, 0, 0, 0);
    if (fd > STDERR)
        close_file((int)fd);
    has_console = 1;
    say_early(STDOUT);
    return 1;
}

enum terminal { NO_TERMINAL, OWN_TERMINAL };

/*
 * Starts `path` as a child; returns its pid or -errno. OWN_TERMINAL gives it the console as controlling terminal, for
 * job control. When such a child ends, the kernel hangs the console up: what is still on its way out is lost, and our
 * own descriptors are dead. So only a shell gets it, and never a program whose last line matters.
 */
static long spawn(const char *path, char *const *arguments, char *const *environment, enum terminal terminal)
{
    long pid = system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid != 0)
        return pid;
    (void)system_call(SYS_setsid, 0, 0, 0, 0, 0);
    if (terminal == OWN_TERMINAL)
        (void)system_call(SYS_ioctl, STDIN, TIOCSCTTY, 0, 0, 0);
    long error = system_call(SYS_execve, (long)path, (long)arguments, (long)environment, 0, 0);
    say_error("exec ", path, error);
    (void)system_call(SYS_exit_group, 127, 0, 0, 0, 0);
    __builtin_unreachable();
}

/* Waits for `pid`, burying orphans on the way. Returns its wait status. */
static int wait_for(long pid)
{
    for (;;) {
        int status = 0;
        long done = system_call(SYS_wait4, -1, (long)&status, 0, 0, 0);
        if (done == pid)
            return status;
        if (done < 0 && done != -EINTR)
            return 0xff00; /* exit code 255 */
    }
}

/* One of the two programs. */
struct program {
    const char *word; /* the boot word that asks for it */
    const char *path;
    const char *verdict; /* how its last line begins */
    long pid; /* 0: not running; below: -errno */
};

/* A program that ends by itself has said its verdict; one that was killed, or never came to run, cannot. */
static void bury_program(struct program *program, int status)
{
    struct line line;
    line.length = 0;
    add_text(&line, program->verdict);
    add_text(&line, "FAILED ");
    int signal = status & 0x7f;
    if (program->pid < 0) {
        add_text(&line, "no process for it: ");
        add_error(&line, program->pid);
    } else if (signal != 0) {
        add_text(&line, "killed by signal ");
        add_number(&line, (uint64_t)signal);
    } else if ((status >> 8 & 0xff) == 127) {
        add_text(&line, "could not be started");
    } else {
        line.length = 0;
    }
    if (line.length > 0)
        say(&line);
    program->pid = 0;
}

/* Both at the same time, if both are asked for: in a ring of guests each one waits for its neighbour's receiver. */
static void run_programs(char **environment)
{
    struct program programs[] = {
        { "vsock_recv", "/root/vsock_recv", "vsock recv: ", 0 },
        { "vsock_send", "/root/vsock_send", "vsock send: ", 0 },
    };
    int asked = 0;
    for (int i = 0; i < 2; i += 1) {
        if (boot_word(environment, programs[i].word) == NULL)
            continue;
        asked += 1;
        char *arguments[] = { (char *)programs[i].path, NULL };
        programs[i].pid = spawn(programs[i].path, arguments, environment, NO_TERMINAL);
        if (programs[i].pid < 0)
            bury_program(&programs[i], 0);
    }
    if (asked == 0) {
        struct line line = new_line("neither vsock_recv nor vsock_send is given: no program to run");
        say(&line);
    }
    while (programs[0].pid != 0 || programs[1].pid != 0) {
        int status = 0;
        /* Orphans are buried on the way. */
        long done = system_call(SYS_wait4, -1, (long)&status, 0, 0, 0);
        if (done < 0 && done != -EINTR)
            return;
        for (int i = 0; i < 2; i += 1) {
            if (done > 0 && done == programs[i].pid)
                bury_program(&programs[i], status);
        }
    }
}

/* Until somebody powers the guest off; gives up where there is no shell. */
static void keep_shell(char *const *environment)
{
    char *arguments[] = { (char[]){ "sh" }, NULL };
    do {
        long pid = spawn("/bin/busybox", arguments, environment, OWN_TERMINAL);
        if (pid > 0 && (wait_for(pid) >> 8 & 0xff) == 127)
            return;
        sleep_ms(SHELL_PAUSE_MS);
        /* The one that the shell had is hung up. */
    } while (open_console());
}

static void power_off(void)
{
    (void)system_call(SYS_ioctl, STDOUT, TCSBRK, 1, 0, 0); /* drain the console first */
    (void)system_call(SYS_sync, 0, 0, 0, 0, 0);
    long error = system_call(SYS_reboot, REBOOT_MAGIC_1, REBOOT_MAGIC_2, REBOOT_POWER_OFF, 0, 0);
    say_error("power off", "", error);
}

static int is_first_half(const char *own_name)
{
    return same_text(own_name, "/vsock_init") || same_text(own_name, "vsock_init");
}

static int run(char **arguments, char **environment)
{
    /* A descriptor below 3 that is opened for anything else would be lost when the console takes its place. */
    long fd;
    do {
        fd = open_file("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR);
    if (fd > STDERR)
        close_file((int)fd);

    mount_on("/dev", "devtmpfs");
    mount_on("/proc", "proc");
    mount_on("/sys", "sysfs");
    load_modules();
    (void)open_console();

    if (is_first_half(arguments[0])) {
        arguments[0] = (char[]){ "/init" };
        long error = system_call(SYS_execve, (long)"/init", (long)arguments, (long)environment, 0, 0);
        say_error("exec ", "/init", error);
        power_off();
    }

    /* From here on the kernel's chatter would only tear our lines. */
    (void)system_call(SYS_syslog, SYSLOG_CONSOLE_LEVEL, 0, LEVEL_ERRORS, 0, 0);
    if (has_console)
        run_programs(environment);
    char *after = boot_word(environment, "vsock_after");
    if (has_console && after != NULL && same_text(after, "shell"))
        keep_shell(environment);
    power_off();
    /* PID 1 must not end. */
    for (;;)
        sleep_ms(SHELL_PAUSE_MS);
}
