# SPDX-License-Identifier: GPL-2.0
# For both ends: what the read-only commands of sg3_utils ask of a device, and what it answers: a line each, "CHECKSUM  CDB".

# Bytes of data, CDB: sg_inq, sg_vpd; sg_readcap, sg_get_lba_status, sg_get_elem_status, sg_referrals; sg_turs, sg_requests; sg_modes,
# sg_logs; sg_rtpg, sg_ident, sg_timestamp, sg_opcodes (one command, tasks); sg_read_buffer, sg_read_long, sg_read, sg_verify, sg_seek; sg_senddiag -l,
# sg_ses; sg_sat_identify; sg_rep_zones; sg_copy_results; sg_rep_density, sg_read_block_limits, sg_read_attr; sg_rmsn, sg_get_config; sg_persist
questions() {
	local i
	for i in 00 80 83 84 85 86 87 88 89 8a b0 b1 b2 b3 b4 b5 b6 c0; do echo "255 12 01 $i 00 ff 00"; done
	for i in 3f 00 01 08 0a 1c; do echo "255 1a 00 $i 00 ff 00"; echo "255 5a 00 $i 00 00 00 00 00 ff 00"; done
	for i in 00 02 03 0d 2f 15; do echo "255 4d 00 $i 00 00 00 00 00 ff 00"; done
	cat <<-END
	96 12 00 00 00 60 00
	8 25 00 00 00 00 00 00 00 00 00
	32 9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00
	64 9e 12 00 00 00 00 00 00 00 00 00 00 00 40 00 00
	64 9e 17 00 00 00 00 00 00 00 00 00 00 00 40 00 00
	64 9e 13 00 00 00 00 00 00 00 00 00 00 00 40 00 00
	0 00 00 00 00 00 00
	252 03 00 00 00 fc 00
	64 a3 0a 00 00 00 00 00 00 00 40 00 00
	64 a3 05 00 00 00 00 00 00 00 40 00 00
	64 a3 0f 00 00 00 00 00 00 00 40 00 00
	64 a3 0c 01 28 00 00 00 00 00 40 00 00
	16 a3 0d 00 00 00 00 00 00 00 10 00 00
	4 3c 03 00 00 00 00 00 00 04 00
	64 3c 02 00 00 00 00 00 00 40 00
	520 3e 00 00 00 00 00 00 02 08 00
	520 9e 11 00 00 00 00 00 00 00 00 00 00 02 08 00 00
	512 08 00 00 00 01 00
	512 28 00 00 00 00 07 00 00 01 00
	512 a8 00 00 00 00 07 00 00 00 01 00 00
	512 88 00 00 00 00 00 00 00 00 07 00 00 00 01 00 00
	512 28 00 7f ff ff ff 00 00 01 00
	0 2f 00 00 00 00 00 00 00 01 00
	0 2b 00 00 00 00 00 00 00 00 00
	255 1c 01 00 00 ff 00
	255 1c 01 02 00 ff 00
	512 85 08 0e 00 00 00 01 00 00 00 00 00 00 00 ec 00
	64 95 00 00 00 00 00 00 00 00 00 00 00 00 40 00 00
	64 84 03 00 00 00 00 00 00 00 00 00 00 00 40 00 00
	64 44 00 00 00 00 00 00 00 40 00
	6 05 00 00 00 00 00
	64 8c 00 00 00 00 00 00 00 00 00 00 00 00 40 00 00
	64 ab 01 00 00 00 00 00 00 40 00 00
	64 46 00 00 00 00 00 00 00 40 00
	64 5e 00 00 00 00 00 00 00 40 00
	64 5e 02 00 00 00 00 00 00 40 00
	64 a0 00 00 00 00 00 00 00 00 40 00 00
	END
}
# answers DEVICE (The sums by one process.)
answers() {
	local len cdb
	rm -rf /tmp/answers
	mkdir -p /tmp/answers
	questions | while read -r len cdb; do
		[ "$len" = 0 ] || len="0 -r $len"
		sg_raw ${len#0} "$1" $cdb >"/tmp/answers/$cdb" 2>&1 </dev/null
	done
	(cd /tmp/answers && md5sum *)
}
