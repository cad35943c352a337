// SPDX-License-Identifier: GPL-2.0
/*
 * LIO: the backend as a fabric of the kernel's target core, under the name
 * and with the configuration that Linux has had for Xen's virtual SCSI. A
 * LUN is one that the administrator has put into a target portal group.
 */
#include <linux/configfs.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>
#include <target/target_core_backend.h>
#include <target/target_core_fabric.h>

#include "policy.h"
#include "scsiback.h"

#define ALIAS_LEN	64

/**
 * struct scsiback_wwn - a target
 * @se: LIO's part
 * @name: naa.…, fc.…, iqn.…
 * @proto: SCSI_PROTOCOL_*
 */
struct scsiback_wwn {
	struct se_wwn se;
	char name[TRANSPORT_IQN_LEN];
	u8 proto;
};

/**
 * struct scsiback_tpg - a target portal group
 * @se: LIO's part
 * @list: of all groups
 * @wwn: its target
 * @tag: its number
 * @alias: another name for it in a p-dev
 * @session: made by the administrator as the group's nexus
 * @initiator: what the administrator called that
 * @luns: those of guests that need it
 */
struct scsiback_tpg {
	struct se_portal_group se;
	struct list_head list;
	struct scsiback_wwn *wwn;
	u16 tag;
	char alias[ALIAS_LEN];
	struct se_session *session;
	char initiator[TRANSPORT_IQN_LEN];
	struct list_head luns;
};

static DEFINE_MUTEX(tpg_lock); /* the list, sessions and LUNs */
static LIST_HEAD(tpgs);
/* For LUNs to become fewer. */
static DECLARE_WAIT_QUEUE_HEAD(tpg_idle);

static struct scsiback_tpg *scsiback_tpg_of(struct se_portal_group *se)
{
	return container_of(se, struct scsiback_tpg, se);
}

static struct scsiback_req *scsiback_to_req(struct se_cmd *se)
{
	return container_of(se, struct scsiback_req, se);
}

/* Nobody waits for one that we want ourselves. */
static bool scsiback_is_own_abort(const struct se_cmd *se)
{
	return se->se_cmd_flags & SCF_SCSI_TMR_CDB && se->priv;
}

/* ---- commands ---- */

static int scsiback_fabric_prepare(struct scsiback_req *req)
{
	return 0;
}

/*
 * What LIO knows a command by. A guest's own names need not differ, and the
 * group's one session may be several guests', with the same LUN.
 */
static u64 scsiback_tag_of(struct scsiback_req *req)
{
	const struct scsiback_req *first = req->base.q->reqs;

	return (u64)scsiback_queue_of(req)->serial << 32 | (req - first);
}

static void scsiback_fill_sgs(struct scsiback_req *req)
{
	unsigned int i;

	sg_init_table(req->sgs, req->nr_vecs);
	for (i = 0; i < req->nr_vecs; i++)
		sg_set_page(&req->sgs[i], req->vecs[i].bv_page,
			    req->vecs[i].bv_len, req->vecs[i].bv_offset);
}

static void scsiback_submit_work(struct work_struct *work)
{
	target_submit(&container_of(work, struct scsiback_req, submit)->se);
}

static void scsiback_fabric_submit(struct scsiback_req *req)
{
	struct se_session *session = req->lun->tpg->session;
	struct se_cmd *se = &req->se;

	memset(se, 0, sizeof(*se));
	memset(req->result.sense, 0, sizeof(req->result.sense));
	/* What ends without a word has been aborted. */
	scsiback_set_host(&req->result, XEN_VSCSIIF_RSLT_HOST_ABORT,
			  req->io.bytes);
	if (req->base.failed ||
	    target_init_cmd(se, session, req->result.sense, req->lun->tpg_lun,
			    req->io.bytes, TCM_SIMPLE_TAG, req->io.dir, 0)) {
		scsiback_set_host(&req->result,
				  XEN_VSCSIIF_RSLT_HOST_NO_CONNECT,
				  req->io.bytes);
		scsiback_done(req);
		return;
	}
	se->tag = scsiback_tag_of(req);
	if (req->nr_vecs)
		scsiback_fill_sgs(req);
	/* If it cannot be, LIO has answered. */
	if (target_submit_prep(se, req->io.cdb, req->sgs, req->nr_vecs, NULL, 0,
			       NULL, 0, GFP_KERNEL))
		return;
	if (likely(!req->lun->wq)) {
		target_submit(se);
		return;
	}
	INIT_WORK(&req->submit, scsiback_submit_work);
	queue_work(req->lun->wq, &req->submit);
}

/* The result is there since scsiback_fabric_queue_status(). */
static void scsiback_fabric_finish(struct scsiback_req *req)
{
}

static int scsiback_fabric_queue_status(struct se_cmd *se)
{
	struct scsiback_result *result = &scsiback_to_req(se)->result;

	result->rslt = se->scsi_status;
	result->resid = se->se_cmd_flags & SCF_UNDERFLOW_BIT ?
			se->residual_count : 0;
	result->sense_len = 0;
	if (se->sense_buffer && (se->se_cmd_flags & (SCF_TRANSPORT_TASK_SENSE |
						     SCF_EMULATED_TASK_SENSE)))
		result->sense_len = min_t(unsigned int, se->scsi_sense_length,
					  VSCSIIF_SENSE_BUFFERSIZE);
	return 0;
}

static int scsiback_fabric_write_pending(struct se_cmd *se)
{
	/* The data is here already. */
	target_execute_cmd(se);
	return 0;
}

static void scsiback_fabric_aborted_task(struct se_cmd *se)
{
}

static int scsiback_fabric_check_stop_free(struct se_cmd *se)
{
	return transport_generic_free_cmd(se, 0);
}

/* LIO does not know the command any more: only now it has ended. */
static void scsiback_fabric_release_cmd(struct se_cmd *se)
{
	if (unlikely(scsiback_is_own_abort(se)))
		kfree(se);
	else
		scsiback_done(scsiback_to_req(se));
}

/* ---- task management ---- */

static void scsiback_submit_tmr(struct scsiback_req *tmf, struct scsiback_lun *lun,
				u8 function, u64 tag)
{
	memset(&tmf->se, 0, sizeof(tmf->se));
	tmf->result.rslt = XEN_VSCSIIF_RSLT_RESET_FAILED;
	/* If this fails, LIO has forgotten it. */
	if (target_submit_tmr(&tmf->se, lun->tpg->session, NULL, lun->tpg_lun,
			      NULL, function, GFP_KERNEL, tag, 0))
		scsiback_done(tmf);
}

static void scsiback_fabric_queue_tm_rsp(struct se_cmd *se)
{
	if (scsiback_is_own_abort(se))
		return;
	if (se->se_tmr_req->response == TMR_FUNCTION_COMPLETE)
		scsiback_to_req(se)->result.rslt = XEN_VSCSIIF_RSLT_RESET_SUCCESS;
}

/* Its LUN, or the vhost, goes away. Without memory it ends with its device. */
static void scsiback_abort_by_us(struct scsiback_req *req)
{
	struct se_cmd *se = kzalloc(sizeof(*se), GFP_KERNEL);

	if (!se)
		return;
	se->priv = se;
	if (target_submit_tmr(se, req->lun->tpg->session, NULL, req->lun->tpg_lun, NULL,
			      TMR_ABORT_TASK, GFP_KERNEL, scsiback_tag_of(req), 0))
		kfree(se);
}

static void scsiback_fabric_abort(struct scsiback_req *req, struct scsiback_req *tmf)
{
	if (tmf)
		scsiback_submit_tmr(tmf, req->lun, TMR_ABORT_TASK, scsiback_tag_of(req));
	else if (!test_bit(0, &req->lun->resetting))
		/* (A reset aborts all by itself.) */
		scsiback_abort_by_us(req);
}

static void scsiback_fabric_reset(struct scsiback_req *tmf)
{
	scsiback_submit_tmr(tmf, tmf->lun, TMR_LUN_RESET, 0);
}

/* ---- the LUN behind a p-dev ---- */

static void scsiback_tpg_unuse(struct scsiback_lun *lun)
{
	mutex_lock(&tpg_lock);
	list_del(&lun->of_tpg);
	mutex_unlock(&tpg_lock);
	wake_up_all(&tpg_idle);
}

static void scsiback_tpg_put(struct scsiback_lun *lun)
{
	target_undepend_item(&lun->tpg->se.tpg_group.cg_item);
	scsiback_tpg_unuse(lun);
}

static void scsiback_fabric_close(struct scsiback_lun *lun)
{
	if (lun->wq)
		destroy_workqueue(lun->wq);
	lun->wq = NULL;
	scsiback_tpg_put(lun);
}

static const struct scsiback_lun_ops fabric_lun_ops = {
	.prepare = scsiback_fabric_prepare,
	.submit = scsiback_fabric_submit,
	.finish = scsiback_fabric_finish,
	.abort = scsiback_fabric_abort,
	.reset = scsiback_fabric_reset,
	.close = scsiback_fabric_close,
};

static void scsiback_identify(struct scsiback_lun *lun, const struct se_device *dev)
{
	const char *serial = dev->t10_wwn.unit_serial;

	lun->id[0] = '\0';
	if (*serial)
		snprintf(lun->id, sizeof(lun->id), "serial.%*pE",
			 (int)strlen(serial), serial);
}

/*
 * What LIO does by itself concerns its own LUN, but for copies: between all LUNs of
 * the group, other guests' among them. What it only hands on (pscsi, user space) is
 * under the same policy as a device that we pass through.
 */
static unsigned int scsiback_own_rules(const struct se_device *dev)
{
	if (!(dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH))
		return ~SCSIBACK_ALLOW_COPY;
	return dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH_PGR ?
	       0 : SCSIBACK_ALLOW_RESERVATIONS;
}

/* A file's I/O is done by who submits it: not a ring's thread, which has other LUNs. */
static bool scsiback_sleeps(const struct se_device *dev)
{
	return !strcmp(dev->transport->name, "fileio");
}

/* The type of a LUN's device, which is asked who it is, or -ENODEV. */
static int scsiback_tpg_lun_type(struct scsiback_tpg *tpg, struct scsiback_lun *ours)
{
	struct se_device *dev;
	struct se_lun *lun;
	int type = -ENODEV;

	mutex_lock(&tpg->se.tpg_lun_mutex);
	hlist_for_each_entry(lun, &tpg->se.tpg_lun_hlist, link) {
		if (lun->unpacked_lun != ours->tpg_lun)
			continue;
		dev = rcu_dereference_protected(lun->lun_se_dev,
						lockdep_is_held(&tpg->se.tpg_lun_mutex));
		if (!dev)
			continue;
		type = dev->transport->get_device_type(dev);
		ours->allow |= scsiback_own_rules(dev);
		ours->sleeps = scsiback_sleeps(dev);
		ours->removable = dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH;
		scsiback_identify(ours, dev);
	}
	mutex_unlock(&tpg->se.tpg_lun_mutex);
	return type;
}

/* A target of Fibre Channel goes by its number alone, with or without "fc.". */
static bool scsiback_tpg_is(const struct scsiback_tpg *tpg, const char *name)
{
	if (!strcmp(name, tpg->alias) || !strcmp(name, tpg->wwn->name))
		return true;
	return tpg->wwn->proto == SCSI_PROTOCOL_FCP && !strncmp(name, "fc.", 3) &&
	       !strcmp(name + 3, tpg->wwn->name);
}

/* The group of that name that has the LUN, whose type is set. */
static struct scsiback_tpg *scsiback_tpg_get(const char *name,
					     struct scsiback_lun *lun)
{
	struct scsiback_tpg *tpg, *found = NULL;
	int err;

	mutex_lock(&tpg_lock);
	list_for_each_entry(tpg, &tpgs, list) {
		if (!scsiback_tpg_is(tpg, name) || !tpg->session)
			continue;
		lun->type = scsiback_tpg_lun_type(tpg, lun);
		if (lun->type < 0)
			continue;
		found = tpg;
		lun->vanished = false;
		list_add(&lun->of_tpg, &found->luns);
		break;
	}
	mutex_unlock(&tpg_lock);
	if (!found)
		return ERR_PTR(-ENODEV);
	/*
	 * The administrator must not remove it now. Without the lock: configfs
	 * calls what takes it with locks of its own held.
	 */
	err = target_depend_item(&found->se.tpg_group.cg_item);
	if (err) {
		scsiback_tpg_unuse(lun);
		return ERR_PTR(err);
	}
	return found;
}

/**
 * scsiback_fabric_open() - give a LUN its LIO LUN
 * @lun: the LUN; p-dev is the name of a target, or the alias of a portal
 *       group, a colon and the number of a LUN
 *
 * Context: process, a hook of the device.
 * Return: 0, -EINVAL if p-dev is something else, -ENODEV.
 */
int scsiback_fabric_open(struct scsiback_lun *lun)
{
	char name[SCSIBACK_PDEV], *colon;

	strscpy(name, lun->pdev, sizeof(name));
	colon = strrchr(name, ':');
	if (!colon || kstrtou64(colon + 1, 10, &lun->tpg_lun))
		return -EINVAL;
	*colon = '\0';
	lun->tpg = scsiback_tpg_get(name, lun);
	if (IS_ERR(lun->tpg))
		return PTR_ERR(lun->tpg);
	if (lun->sleeps) {
		lun->wq = alloc_workqueue("pv-scsi-%s-%u-%u", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
					  dev_name(&lun->b->pd->xb->dev), lun->target, lun->lun);
		if (!lun->wq) {
			scsiback_tpg_put(lun);
			return -ENOMEM;
		}
	}
	lun->ops = &fabric_lun_ops;
	return 0;
}

/* ---- targets and portal groups ---- */

static struct se_wwn *scsiback_make_wwn(struct target_fabric_configfs *tf,
					struct config_group *group, const char *name)
{
	struct scsiback_wwn *wwn;
	u8 proto;

	if (!strncmp(name, "naa.", 4)) {
		proto = SCSI_PROTOCOL_SAS;
	} else if (!strncmp(name, "fc.", 3)) {
		proto = SCSI_PROTOCOL_FCP;
		name += 3;
	} else if (!strncmp(name, "iqn.", 4)) {
		proto = SCSI_PROTOCOL_ISCSI;
	} else {
		pr_err("target %s: its name must begin with naa., fc. or iqn.\n",
		       name);
		return ERR_PTR(-EINVAL);
	}
	wwn = kzalloc(sizeof(*wwn), GFP_KERNEL);
	if (!wwn)
		return ERR_PTR(-ENOMEM);
	if (strscpy(wwn->name, name, sizeof(wwn->name)) < 0) {
		kfree(wwn);
		return ERR_PTR(-ENAMETOOLONG);
	}
	wwn->proto = proto;
	return &wwn->se;
}

static void scsiback_drop_wwn(struct se_wwn *se)
{
	kfree(container_of(se, struct scsiback_wwn, se));
}

static struct se_portal_group *scsiback_make_tpg(struct se_wwn *se, const char *name)
{
	struct scsiback_wwn *wwn = container_of(se, struct scsiback_wwn, se);
	struct scsiback_tpg *tpg;
	u16 tag;
	int err;

	if (strncmp(name, "tpgt_", 5) || kstrtou16(name + 5, 10, &tag))
		return ERR_PTR(-EINVAL);
	tpg = kzalloc(sizeof(*tpg), GFP_KERNEL);
	if (!tpg)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&tpg->luns);
	tpg->wwn = wwn;
	tpg->tag = tag;
	err = core_tpg_register(se, &tpg->se, wwn->proto);
	if (err) {
		kfree(tpg);
		return ERR_PTR(err);
	}
	mutex_lock(&tpg_lock);
	list_add_tail(&tpg->list, &tpgs);
	mutex_unlock(&tpg_lock);
	return &tpg->se;
}

static int scsiback_drop_session(struct scsiback_tpg *tpg)
{
	struct se_session *session;

	mutex_lock(&tpg_lock);
	if (!list_empty(&tpg->luns)) {
		mutex_unlock(&tpg_lock);
		pr_err("%s: guests use its LUNs\n", tpg->wwn->name);
		return -EBUSY;
	}
	session = tpg->session;
	tpg->session = NULL;
	mutex_unlock(&tpg_lock);
	if (!session)
		return -ENODEV;
	/* An abort may still be on its way. */
	target_stop_session(session);
	target_wait_for_sess_cmds(session);
	target_remove_session(session);
	return 0;
}

static void scsiback_drop_tpg(struct se_portal_group *se)
{
	struct scsiback_tpg *tpg = scsiback_tpg_of(se);

	mutex_lock(&tpg_lock);
	list_del(&tpg->list);
	mutex_unlock(&tpg_lock);
	/* LUNs of guests have made configfs keep it, but for one that is too late. */
	wait_event(tpg_idle, list_empty_careful(&tpg->luns));
	scsiback_drop_session(tpg);
	core_tpg_deregister(se);
	kfree(tpg);
}

/* ---- what the administrator may set ---- */

static int scsiback_make_session(struct scsiback_tpg *tpg, const char *name)
{
	struct se_session *session;
	int err = 0;

	mutex_lock(&tpg_lock);
	if (tpg->session) {
		err = -EEXIST;
		goto out;
	}
	session = target_setup_session(&tpg->se, 0, 0, TARGET_PROT_NORMAL, name,
				       tpg, NULL);
	if (IS_ERR(session)) {
		err = PTR_ERR(session);
		goto out;
	}
	strscpy(tpg->initiator, name, sizeof(tpg->initiator));
	tpg->session = session;
out:
	mutex_unlock(&tpg_lock);
	return err;
}

static ssize_t scsiback_nexus_show(struct config_item *item, char *page)
{
	struct scsiback_tpg *tpg = scsiback_tpg_of(to_tpg(item));
	ssize_t len = -ENODEV;

	mutex_lock(&tpg_lock);
	if (tpg->session)
		len = sysfs_emit(page, "%s\n", tpg->initiator);
	mutex_unlock(&tpg_lock);
	return len;
}

static ssize_t scsiback_nexus_store(struct config_item *item, const char *page,
				    size_t count)
{
	struct scsiback_tpg *tpg = scsiback_tpg_of(to_tpg(item));
	char name[TRANSPORT_IQN_LEN];
	int err;

	if (strscpy(name, page, sizeof(name)) < 0)
		return -ENAMETOOLONG;
	name[strcspn(name, "\n")] = '\0';
	/* That is how it is taken away. */
	if (!strcmp(name, "NULL"))
		err = scsiback_drop_session(tpg);
	else
		err = scsiback_make_session(tpg, name);
	return err ?: count;
}
CONFIGFS_ATTR(scsiback_, nexus);

static struct configfs_attribute *tpg_attrs[] = {
	&scsiback_attr_nexus,
	NULL
};

static ssize_t scsiback_alias_show(struct config_item *item, char *page)
{
	struct scsiback_tpg *tpg = scsiback_tpg_of(param_to_tpg(item));
	ssize_t len;

	mutex_lock(&tpg_lock);
	len = sysfs_emit(page, "%s\n", tpg->alias);
	mutex_unlock(&tpg_lock);
	return len;
}

static ssize_t scsiback_alias_store(struct config_item *item, const char *page,
				    size_t count)
{
	struct scsiback_tpg *tpg = scsiback_tpg_of(param_to_tpg(item));
	char alias[ALIAS_LEN];

	if (strscpy(alias, page, sizeof(alias)) < 0)
		return -ENAMETOOLONG;
	alias[strcspn(alias, "\n")] = '\0';
	mutex_lock(&tpg_lock);
	strscpy(tpg->alias, alias, sizeof(tpg->alias));
	mutex_unlock(&tpg_lock);
	return count;
}
CONFIGFS_ATTR(scsiback_, alias);

static struct configfs_attribute *param_attrs[] = {
	&scsiback_attr_alias,
	NULL
};

static ssize_t scsiback_version_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "pvsplit scsiback\n");
}
CONFIGFS_ATTR_RO(scsiback_, version);

static struct configfs_attribute *wwn_attrs[] = {
	&scsiback_attr_version,
	NULL
};

/* ---- what LIO wants to know ---- */

/* The administrator takes a LUN out of the group, which waits for its commands. */
static void scsiback_pre_unlink(struct se_portal_group *se, struct se_lun *gone)
{
	struct scsiback_lun *lun;

	mutex_lock(&tpg_lock);
	list_for_each_entry(lun, &scsiback_tpg_of(se)->luns, of_tpg)
		if (lun->tpg_lun == gone->unpacked_lun)
			scsiback_lun_vanishes(lun);
	mutex_unlock(&tpg_lock);
}

static char *scsiback_get_wwn(struct se_portal_group *se)
{
	return scsiback_tpg_of(se)->wwn->name;
}

static u16 scsiback_get_tag(struct se_portal_group *se)
{
	return scsiback_tpg_of(se)->tag;
}

static int scsiback_yes(struct se_portal_group *se)
{
	return 1;
}

static int scsiback_no(struct se_portal_group *se)
{
	return 0;
}

static u32 scsiback_get_inst_index(struct se_portal_group *se)
{
	return 1;
}

static u32 scsiback_get_session_index(struct se_session *session)
{
	return 0;
}

static void scsiback_set_default_node_attributes(struct se_node_acl *acl)
{
}

static int scsiback_get_cmd_state(struct se_cmd *se)
{
	return 0;
}

static const struct target_core_fabric_ops fabric_ops = {
	.module = THIS_MODULE,
	.fabric_name = "xen-pvscsi",
	.max_data_sg_nents = SCSIBACK_MAX_SEGMENTS,
	.tpg_get_wwn = scsiback_get_wwn,
	.tpg_get_tag = scsiback_get_tag,
	/* Guests have no names of their own: any may use the group. */
	.tpg_check_demo_mode = scsiback_yes,
	.tpg_check_demo_mode_cache = scsiback_yes,
	.tpg_check_demo_mode_write_protect = scsiback_no,
	.tpg_check_prod_mode_write_protect = scsiback_no,
	.tpg_get_inst_index = scsiback_get_inst_index,
	.check_stop_free = scsiback_fabric_check_stop_free,
	.release_cmd = scsiback_fabric_release_cmd,
	.sess_get_index = scsiback_get_session_index,
	.write_pending = scsiback_fabric_write_pending,
	.set_default_node_attributes = scsiback_set_default_node_attributes,
	.get_cmd_state = scsiback_get_cmd_state,
	.queue_data_in = scsiback_fabric_queue_status,
	.queue_status = scsiback_fabric_queue_status,
	.queue_tm_rsp = scsiback_fabric_queue_tm_rsp,
	.aborted_task = scsiback_fabric_aborted_task,
	.fabric_make_wwn = scsiback_make_wwn,
	.fabric_drop_wwn = scsiback_drop_wwn,
	.fabric_make_tpg = scsiback_make_tpg,
	.fabric_drop_tpg = scsiback_drop_tpg,
	.fabric_pre_unlink = scsiback_pre_unlink,
	.tfc_wwn_attrs = wwn_attrs,
	.tfc_tpg_base_attrs = tpg_attrs,
	.tfc_tpg_param_attrs = param_attrs,
	PV_TARGET_SUBMIT
	PV_TARGET_COMPL
};

/* LIO takes two of one name, and removes the first, whoever goes. */
static bool scsiback_name_is_taken(void)
{
	struct path path;

	if (kern_path("/sys/module/xen_scsiback", 0, &path))
		return false;
	path_put(&path);
	return true;
}

/**
 * scsiback_fabric_init() - let LIO know of us
 *
 * Return: 0 or a negative errno.
 */
int scsiback_fabric_init(void)
{
	int err;

	if (scsiback_name_is_taken()) {
		pr_err("xen-scsiback is loaded: LIO has room for one of us\n");
		return -EBUSY;
	}
	err = target_register_template(&fabric_ops);
	if (err)
		pr_err("cannot register with LIO: %d\n", err);
	return err;
}

/** scsiback_fabric_exit() - and forget us */
void scsiback_fabric_exit(void)
{
	target_unregister_template(&fabric_ops);
}
