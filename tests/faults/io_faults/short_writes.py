"""A library between a program and the kernel, which makes writes incomplete or interrupted, as the kernel may.

Files take only a part of what is written when the disk is nearly full, pipes and streams when their buffer is. Any of
these calls can be interrupted by a signal. The library does so in every fourth call, by chance, in all processes of a run.
Packets and counters (eventfd) stay whole, as they do in the kernel.
"""

import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["KINDS", "build_library", "environment"]

KINDS = {"one byte": 1, "half": 2, "interrupted": 3}
"""The faults, and their numbers in the library."""

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ONE_BYTE = 1, HALF = 2, INTERRUPTED = 3 };

static int kind = -1;
static unsigned long seed;
static atomic_ulong calls;

static void begin(void) {
    const char *text = getenv("PPG_SHORT_WRITES");
    kind = text ? atoi(text) : 0;
    seed = text && getenv("PPG_SHORT_WRITES_SEED") ? strtoul(getenv("PPG_SHORT_WRITES_SEED"), 0, 10) : 0;
}

/* Whether this call has the fault: every fourth one, by chance. */
static int chosen(void) {
    if (kind < 0) begin();
    if (!kind) return 0;
    unsigned long x = seed * 0x9E3779B97F4A7C15ul + ++calls;
    x ^= x >> 30; x *= 0xBF58476D1CE4E5B9ul; x ^= x >> 27; x *= 0x94D049BB133111EBul; x ^= x >> 31;
    return x % 4 == 0;
}

static void note(void) {
    const char *file = getenv("PPG_SHORT_WRITES_REPORT");
    int before = errno, descriptor = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (descriptor >= 0) {
        close(descriptor);
    }
    errno = before;
}

/* How much is to be written; -1 with errno EINTR for an interruption. */
static ssize_t allowed(int descriptor, size_t size) {
    struct stat found;
    int before = errno, type = 0;
    socklen_t length = sizeof type;
    if (!chosen() || fstat(descriptor, &found)) { errno = before; return size; }
    int is_socket = S_ISSOCK(found.st_mode), is_pipe = S_ISFIFO(found.st_mode), is_file = S_ISREG(found.st_mode);
    if (is_socket) getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length);
    errno = before;
    if (!is_socket && !is_pipe && !is_file) return size;
    if (kind == INTERRUPTED) { note(); errno = EINTR; return -1; }
    if (size < 2 || (is_socket && type != SOCK_STREAM) || (is_pipe && size <= 4096)) return size;
    note();
    errno = before;
    return kind == ONE_BYTE ? 1 : size / 2;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define LIMITED(size) ssize_t may = allowed(descriptor, size); if (may < 0) return -1

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(write); LIMITED(size); return real(descriptor, data, may);
}
ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    REAL(pwrite); LIMITED(size); return real(descriptor, data, may, offset);
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    REAL(pwrite64); LIMITED(size); return real(descriptor, data, may, offset);
}
ssize_t send(int descriptor, const void *data, size_t size, int flags) {
    REAL(send); LIMITED(size); return real(descriptor, data, may, flags);
}
ssize_t sendto(int descriptor, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length) {
    REAL(sendto); LIMITED(size); return real(descriptor, data, may, flags, to, length);
}
ssize_t sendfile(int descriptor, int source, off_t *offset, size_t size) {
    REAL(sendfile); LIMITED(size); return real(descriptor, source, offset, may);
}
ssize_t sendfile64(int descriptor, int source, off64_t *offset, size_t size) {
    REAL(sendfile64); LIMITED(size); return real(descriptor, source, offset, may);
}
ssize_t copy_file_range(int source, off64_t *from, int descriptor, off64_t *to, size_t size, unsigned flags) {
    REAL(copy_file_range); LIMITED(size); return real(source, from, descriptor, to, may, flags);
}
ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    size_t size = message->msg_iovlen == 1 ? message->msg_iov[0].iov_len : 0;
    LIMITED(size);
    if ((size_t)may == size) return real(descriptor, message, flags);
    struct iovec part = {message->msg_iov[0].iov_base, may};
    struct msghdr less = *message;
    less.msg_iov = &part;
    return real(descriptor, &less, flags);
}
"""


def build_library(folder: Path) -> Path:
    """Compile the library into a folder. Raises FileNotFoundError if there is no gcc."""
    if shutil.which("gcc") is None:
        raise FileNotFoundError("gcc is not there")
    source, library = folder / "short_writes.c", folder / "short_writes.so"
    source.write_text(_SOURCE)
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def environment(library: Path, kind: str, seed: int, report: Path) -> dict[str, str]:
    """The environment of a program that meets the faults; the library makes the file `report` at the first one."""
    return {
        **os.environ,
        "LD_PRELOAD": str(library),
        "PPG_SHORT_WRITES": str(KINDS[kind]),
        "PPG_SHORT_WRITES_SEED": str(seed),
        "PPG_SHORT_WRITES_REPORT": str(report),
    }
