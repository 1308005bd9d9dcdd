import { expect, test } from 'vitest'
import { causeOfReason, classifyStatus, isRuntimesMessage } from './classify.ts'
import { CAUSES, isNodeCause } from '../model/causes.ts'
import { ROWS } from './rows.ts'

const TYPE = 'nfs filesystem not supported by the system'
const CHAIN = 'iptables: No chain/target/match by that name.'

/** What a tenant chose, in the kubelet's and the runtime's sentences. */
const QUOTED: readonly (readonly [reason: string, message: string, cause: string])[] = [
  [
    'RunContainerError',
    `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "${TYPE}": executable file not found in $PATH: unknown`,
    'ExecNotFound',
  ],
  [
    'RunContainerError',
    `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/${TYPE}": stat /${TYPE}: no such file or directory: unknown`,
    'ExecNotFound',
  ],
  [
    'CreateContainerError',
    'failed to generate container "x" spec: failed to generate spec: failed to mkdir "/bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.nfs helper program"',
    'InvalidMountInContainer',
  ],
  [
    'PostStartHookError',
    `Exec lifecycle hook ([sh -c id]) for Container "c" in Pod "p" failed - error: command 'sh' exited with 1, message: "mount: unknown filesystem type 'nfs'"`,
    'PostStartHook',
  ],
  [
    'PostStartHookError',
    `command 'sh' exited with 1: ${CHAIN}: failed to setup network for sandbox "x"`,
    'PostStartHook',
  ],
  ['CreateContainerConfigError', `couldn't find key ${TYPE} in ConfigMap web/app`, 'ReferencedKeyMissing'],
]

test.each(QUOTED)('%s: what the pod chose decides no cause: %s', (reason, message, cause) => {
  expect(classifyStatus({ reason, message }).cause).toBe(cause)
})

test('no row of a node cause is read from a container, whatever its reason', () => {
  const reasons = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'PostStartHookError']
  const all = [...reasons, 'CrashLoopBackOff', 'StartError', 'ContainerCannotRun', 'NewReason']
  const samples = ROWS.filter(({ cause }) => isNodeCause(cause)).map(({ sample }) => sample.message)
  expect(samples.length).toBeGreaterThan(10)
  const found = all.flatMap((reason) => samples.map((message) => classifyStatus({ reason, message }).cause))
  expect(found.filter(isNodeCause)).toEqual([])
})

test('only the runtime’s last message counts; any other one the container may have written itself', () => {
  expect(['StartError', 'ContainerCannotRun'].map(isRuntimesMessage)).toEqual([true, true])
  expect(['OOMKilled', 'Error', 'Completed', 'constructor', undefined].map(isRuntimesMessage)).toEqual(
    Array(5).fill(false),
  )
})

test('a reason alone yields no cause of a node', () => {
  const causes = ['PostStartHookError', 'CrashLoopBackOff', 'ErrImageNeverPull'].map(causeOfReason)
  expect(causes).toEqual(['PostStartHook', 'CrashLoop', 'PullNever'])
  expect(CAUSES.filter((cause) => isNodeCause(cause) && causes.includes(cause))).toEqual([])
})
