"""Saga, TCC and message with the unchanged Python client of DTM (dtmcli on PyPI). Arguments: server URL, service URL."""
import sys

from dtmcli import msg, saga, tcc, utils

dtm, busi = sys.argv[1], sys.argv[2]


def run_saga(name, to):
    gid = utils.gen_gid(dtm)
    one = saga.Saga(dtm, gid)
    one.trans_base.wait_result = True
    one.add({"amount": 30}, busi + "/out", busi + "/out-undo").add({"amount": 30}, busi + to, busi + "/in-undo")
    try:
        one.submit()
        print(name, gid, "done")
    except utils.DTMFailureError:
        print(name, gid, "undone")


def run_tcc(name, to):
    gid = utils.gen_gid(dtm)

    def calls(t):
        t.call_branch({"amount": 30}, busi + "/out-try", busi + "/out-confirm", busi + "/out-cancel")
        t.call_branch({"amount": 30}, busi + to, busi + "/in-confirm", busi + "/in-cancel")

    print(name, gid, "done" if tcc.tcc_global_transaction(dtm, gid, calls) else "undone")


def run_message(name):
    gid = utils.gen_gid(dtm)
    one = msg.Msg(dtm, gid).add({"amount": 30}, busi + "/in")
    one.prepare(busi + "/query")
    one.submit()
    print(name, gid, "done")


run_saga("saga", "/in")
run_saga("saga-undone", "/refuse")
run_tcc("tcc", "/in-try")
run_tcc("tcc-undone", "/refuse")
run_message("message")
