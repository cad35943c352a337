// SPDX-License-Identifier: GPL-2.0
/*
 * Aborts and resets that scsiback gives to LIO, with a LIO that this test plays: it takes them, or it does not. Each
 * ends once, however it ends.
 */
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>

#include "helpers.h"

static int lio_submit_tmr(struct se_cmd *se, struct se_session *session, unsigned char *sense, u64 lun, void *context,
			  unsigned char function, gfp_t gfp, u64 tag, int flags);

/* The code under test, whose functions the module does not export. */
#define target_submit_tmr lio_submit_tmr
#include "../../scsiback/fabric.c"

static struct {
	int err;			/* what LIO says */
	unsigned char function;
	u64 tag, lun;
	unsigned int submitted, done, denied;
	struct scsiback_req *last;
	struct se_cmd *se;
} heard;

static int lio_submit_tmr(struct se_cmd *se, struct se_session *session, unsigned char *sense, u64 lun, void *context,
			  unsigned char function, gfp_t gfp, u64 tag, int flags)
{
	heard.submitted++;
	heard.se = se;
	se->se_cmd_flags |= SCF_SCSI_TMR_CDB;
	heard.function = function;
	heard.tag = tag;
	heard.lun = lun;
	return heard.err;
}

void pv_back_done(struct pv_back_req *base)
{
	heard.done++;
	heard.last = scsiback_req_of(base);
}

void scsiback_deny(struct scsiback_req *req, u8 asc)
{
	heard.denied++;
}

void scsiback_set_host(struct scsiback_result *result, unsigned int host, u32 bytes)
{
	result->rslt = host << 16;
}

struct world {
	struct scsiback_tpg tpg;
	struct scsiback_lun lun;
	struct scsiback_queue q[2];
	struct scsiback_req reqs[2][16];
	struct se_tmr_req tmr;
};

static struct world *w;

static int make_world(struct kunit *test)
{
	unsigned int i, k;

	memset(&heard, 0, sizeof(heard));
	w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w);
	w->lun.tpg = &w->tpg;
	w->lun.tpg_lun = 5;
	for (i = 0; i < 2; i++) {
		w->q[i].serial = i + 1;
		w->q[i].base.reqs = w->reqs[i];
		for (k = 0; k < 16; k++) {
			w->reqs[i][k].base.q = &w->q[i].base;
			w->reqs[i][k].lun = &w->lun;
		}
	}
	return 0;
}

/* hostile-peers: a TMR whose submit fails was put twice, and its tag leaked. */
static void refused(struct kunit *test)
{
	static const int errors[] = { -ENOMEM, -ESHUTDOWN };
	struct scsiback_req *tmf = &w->reqs[0][3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		heard.err = errors[i];
		heard.done = 0;
		tmf->result.rslt = 0;
		scsiback_fabric_abort(&w->reqs[0][1], tmf);
		KUNIT_EXPECT_EQ(test, heard.function, TMR_ABORT_TASK);
		KUNIT_EXPECT_EQ(test, heard.done, 1);
		KUNIT_EXPECT_PTR_EQ(test, heard.last, tmf);
		KUNIT_EXPECT_EQ(test, tmf->result.rslt, XEN_VSCSIIF_RSLT_RESET_FAILED);

		heard.done = 0;
		tmf->result.rslt = 0;
		scsiback_fabric_reset(tmf);
		KUNIT_EXPECT_EQ(test, heard.function, TMR_LUN_RESET);
		KUNIT_EXPECT_EQ(test, heard.lun, 5);
		KUNIT_EXPECT_EQ(test, heard.done, 1);
		KUNIT_EXPECT_EQ(test, tmf->result.rslt, XEN_VSCSIIF_RSLT_RESET_FAILED);
	}
	KUNIT_EXPECT_EQ(test, heard.submitted, 2 * ARRAY_SIZE(errors));
}

/* Taken: it ends when LIO lets go of it, and not before. */
static void taken(struct kunit *test)
{
	static const struct { u8 response; u32 rslt; } end[] = {
		{ TMR_FUNCTION_COMPLETE, XEN_VSCSIIF_RSLT_RESET_SUCCESS },
		{ TMR_FUNCTION_REJECTED, XEN_VSCSIIF_RSLT_RESET_FAILED },
		{ TMR_LUN_DOES_NOT_EXIST, XEN_VSCSIIF_RSLT_RESET_FAILED },
		{ TMR_TASK_DOES_NOT_EXIST, XEN_VSCSIIF_RSLT_RESET_FAILED },
	};
	struct scsiback_req *tmf = &w->reqs[0][3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(end); i++) {
		heard.done = 0;
		tmf->result.rslt = 0;
		scsiback_fabric_abort(&w->reqs[0][1], tmf);
		KUNIT_EXPECT_EQ(test, heard.done, 0);
		tmf->se.se_tmr_req = &w->tmr;
		w->tmr.response = end[i].response;
		scsiback_fabric_queue_tm_rsp(&tmf->se);
		KUNIT_EXPECT_EQ(test, heard.done, 0);
		scsiback_fabric_release_cmd(&tmf->se);
		KUNIT_EXPECT_EQ(test, heard.done, 1);
		KUNIT_EXPECT_EQ_MSG(test, tmf->result.rslt, end[i].rslt, "response %u", end[i].response);
	}
}

/* Guests may share a LUN, and with it the group's session: nobody's abort finds another one's command. */
static void tags_are_nobody_elses(struct kunit *test)
{
	struct scsiback_req *tmf = &w->reqs[0][3];
	u64 mine, other;

	scsiback_fabric_abort(&w->reqs[0][1], tmf);
	mine = heard.tag;
	scsiback_fabric_abort(&w->reqs[1][1], tmf);
	other = heard.tag;
	KUNIT_EXPECT_EQ(test, mine, scsiback_tag_of(&w->reqs[0][1]));
	KUNIT_EXPECT_EQ(test, other, scsiback_tag_of(&w->reqs[1][1]));
	/* Both are the first queue of their vhost. */
	KUNIT_EXPECT_EQ(test, w->q[0].base.index, w->q[1].base.index);
	KUNIT_EXPECT_NE(test, mine, other);
	scsiback_fabric_abort(&w->reqs[0][2], tmf);
	KUNIT_EXPECT_NE(test, heard.tag, mine);
	KUNIT_EXPECT_EQ(test, heard.done, 0);
}

/* A LUN that goes has its commands aborted, and nobody waits for that; one that is reset, by the reset. */
static void our_own_aborts(struct kunit *test)
{
	struct scsiback_req *req = &w->reqs[0][1];

	scsiback_fabric_abort(req, NULL);
	KUNIT_ASSERT_EQ(test, heard.submitted, 1);
	KUNIT_EXPECT_EQ(test, heard.function, TMR_ABORT_TASK);
	KUNIT_EXPECT_EQ(test, heard.tag, scsiback_tag_of(req));
	KUNIT_EXPECT_EQ(test, heard.lun, 5);
	heard.se->se_tmr_req = &w->tmr;
	w->tmr.response = TMR_FUNCTION_COMPLETE;
	scsiback_fabric_queue_tm_rsp(heard.se);
	scsiback_fabric_release_cmd(heard.se);
	KUNIT_EXPECT_EQ(test, heard.done, 0);

	heard.err = -ENOMEM;
	scsiback_fabric_abort(req, NULL);
	KUNIT_EXPECT_EQ(test, heard.submitted, 2);
	KUNIT_EXPECT_EQ(test, heard.done, 0);

	set_bit(0, &w->lun.resetting);
	scsiback_fabric_abort(req, NULL);
	KUNIT_EXPECT_EQ(test, heard.submitted, 2);
}

/* What LIO does itself needs no leave but for copies; what it hands on does. */
static void whose_rules(struct kunit *test)
{
	struct se_device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, scsiback_own_rules(dev), ~(unsigned int)SCSIBACK_ALLOW_COPY);
	dev->transport_flags = TRANSPORT_FLAG_PASSTHROUGH;
	KUNIT_EXPECT_EQ(test, scsiback_own_rules(dev), (unsigned int)SCSIBACK_ALLOW_RESERVATIONS);
	dev->transport_flags |= TRANSPORT_FLAG_PASSTHROUGH_PGR;
	KUNIT_EXPECT_EQ(test, scsiback_own_rules(dev), 0u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(refused),
	KUNIT_CASE(taken),
	KUNIT_CASE(tags_are_nobody_elses),
	KUNIT_CASE(our_own_aborts),
	KUNIT_CASE(whose_rules),
	{}
};

static struct kunit_suite scsiback_tmr_suite = {
	.name = "scsiback_tmr",
	.init = make_world,
	.test_cases = cases,
};

kunit_test_suite(scsiback_tmr_suite);

MODULE_DESCRIPTION("Tests of the SCSI backend's task management by LIO");
MODULE_LICENSE("GPL");
