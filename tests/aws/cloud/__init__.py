"""An AWS account in memory whose time a test moves: moto, in process, with AWS's slowness and its ways of saying no.

    clock = ManualClock()
    cloud = Cloud(clock)                      # fixtures `clock`, `cloud`; close it: `await cloud.close()`
    aws = cloud.aws()                         # wake_service.aws.clients.Aws; calls are answered at once, on the event loop
    id = cloud.add_machine()                  # one of ours, asleep; `spot=True`, `zone=`, `instance_type=`, `tags=`, ...
    await aws.call("ec2", "start_instances", InstanceIds=[id])
    await clock.advance(cloud.times.wake)     # pending, running, guard, booting, engine: each at its own moment
    assert cloud.state(id) == "running" and cloud.machine(id).report().answers

**Time.** `cloud.times` (seconds, may be changed at any moment). `times.visible` and `times.tags` make AWS show new things and
tags late. `times.answer`, `times.timeout`, `times.dial` make calls, silence and unreachable machines take time; they are 0 at
first, so that a call may be awaited without anybody moving the clock. Pauses between tries always need the clock:
`task = asyncio.ensure_future(aws.call(...)); await clock.advance(60); await task`.

**Trouble.** `cloud.fail("StartInstances", "InternalError", times=2, match=id, acted=False)`: patterns of operations; codes of AWS
or `ReadTimeout`, `ConnectTimeout`, `NoConnection`; `times=None`: until `cloud.heal()`; `acted=True`: done, but the answer is
lost. `cloud.silent = True`, `cloud.skew = 90.0`, `cloud.deny("ec2:Stop*")` (dry runs say so too), `cloud.take("g5.xlarge",
"us-east-1a", "spot")` and `give_back`, `cloud.stick(id)` in `stopping`.

**Unasked.** `interrupt(id)` (notice to the machine, two minutes, then stopped and the cloud's own), `restart_interrupted(id)`,
`rebalance(id)`, `start(id)`, `terminate(id)` by somebody, `power_off(id)` by itself, `move("203.0.113.9")`: the service has
another address. Alarms are evaluated every period and act on a change of state only (`cloud.alarms.actions`); schedules fire
(`cloud.schedules.fired`).

**Machines.** `cloud.machine(id)` is the wake_service.agent.memory.MemoryMachine behind an instance: its guard reads the token of
this wake from the parameter `tags.guard_parameter(deployment, id)` if that is tagged `guard-machine` = `cloud.arn(id)`, and
writes its fingerprint tag. `await cloud.dial(door)` reaches it from `cloud.address`, if its security group lets that in.

**Looking.** `cloud.calls`, `cloud.asked("StartInstances")`, `cloud.running()`, `cloud.in_state("stopped")`, `cloud.instance(id)`,
`cloud.tags(id)`, `cloud.listen(...)`; `cloud.client("ec2")` is a boto3 client whose calls are neither written down nor refused.

It cannot prove: how long AWS really takes, what rights a policy really gives, prices, quotas, what a resource of
CloudFormation does when it fails, and what AWS does with a spot instance that its owner stops after the notice (here: the
cloud's own).
"""

from tests.aws.cloud.cloud import ADDRESS, REGION, Cloud
from tests.aws.cloud.faults import Call, Fault
from tests.aws.cloud.setting import GUARD_PORT, STUDIO
from tests.aws.cloud.times import Times

__all__ = ["ADDRESS", "GUARD_PORT", "REGION", "STUDIO", "Call", "Cloud", "Fault", "Times"]
