// SPDX-License-Identifier: GPL-2.0
/* xdp-cpumap INTERFACE: its TCP packets over IPv4 go to the stack by a cpumap, on CPU 0, until this program ends. */
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }

static int bpf(int cmd, union bpf_attr *attr)
{
	int fd = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	if (fd < 0)
		perror("bpf");
	return fd;
}

int main(int argc, char **argv)
{
	struct bpf_cpumap_val entry = { .qsize = 192 };
	unsigned int cpu = 0;
	char log[4096] = "";
	union bpf_attr attr;
	int map, prog;

	if (argc != 2)
		return 1;
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_CPUMAP;
	attr.key_size = sizeof(cpu);
	attr.value_size = sizeof(entry);
	attr.max_entries = 1;
	map = bpf(BPF_MAP_CREATE, &attr);
	if (map < 0)
		return 1;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (unsigned long)&cpu;
	attr.value = (unsigned long)&entry;
	if (bpf(BPF_MAP_UPDATE_ELEM, &attr) < 0)
		return 1;

	struct bpf_insn code[] = {
		INSN(BPF_LDX | BPF_W | BPF_MEM, 2, 1, 0, 0),		/* r2 = data */
		INSN(BPF_LDX | BPF_W | BPF_MEM, 3, 1, 4, 0),		/* r3 = data_end */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, 34),
		INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 10, 0),
		INSN(BPF_LDX | BPF_H | BPF_MEM, 5, 2, 12, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 8, 8),		/* no IPv4 */
		INSN(BPF_LDX | BPF_B | BPF_MEM, 5, 2, 23, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 6, 6),		/* no TCP */
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (unsigned long)code;
	attr.insn_cnt = sizeof(code) / sizeof(*code);
	attr.license = (unsigned long)"GPL";
	attr.expected_attach_type = BPF_XDP;
	attr.log_buf = (unsigned long)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	prog = bpf(BPF_PROG_LOAD, &attr);
	if (prog < 0) {
		puts(log);
		return 1;
	}
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = if_nametoindex(argv[1]);
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = XDP_FLAGS_DRV_MODE;
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		return 1;
	puts("attached");
	fflush(stdout);
	return pause();
}
