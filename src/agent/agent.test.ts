import { expect, test } from 'vitest'
import { agentHelp, parseAgentConfig } from './config.ts'
import { identityOf } from './identity.ts'

const tokenOf = (claims: unknown): string =>
  ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'signature'].join('.')

test('an agent is who its token says', () => {
  const claims = { 'kubernetes.io': { node: { name: 'n1', uid: 'u1' }, pod: { name: 'agent-x' } } }
  expect(identityOf(tokenOf(claims))).toEqual({ nodeName: 'n1', nodeUid: 'u1', podName: 'agent-x' })
})

test.each([
  [tokenOf({ 'kubernetes.io': { pod: { name: 'x' } } }), 'does not contain the name and uid of the node'],
  [tokenOf({ 'kubernetes.io': { node: { name: 'n1' } } }), 'does not contain the name and uid of the node'],
  ['not a token', 'not a JSON Web Token'],
  ['', 'not a JSON Web Token'],
])('without a node in its token it does not begin', (token, words) => {
  expect(() => identityOf(token)).toThrow(words)
})

test('flags are understood, and what is not given may not be looked at', () => {
  const flags = [
    '--verbs=Inspect,RestartRuntime,Inspect',
    '--cri-socket=/run/x.sock',
    '--host-sbin=/a',
    '--host-sbin=/b',
    '--chains',
  ]
  expect(parseAgentConfig(flags, { KUBERNETES_SERVICE_HOST: '10.0.0.1' })).toEqual({
    namespace: 'podmend-system',
    verbs: ['Inspect', 'RestartRuntime'],
    criSocket: '/run/x.sock',
    hostSbin: ['/a', '/b'],
    chains: true,
    startJitterMs: 10_000,
    logLevel: 'info',
    serviceAccountDir: '/var/run/secrets/kubernetes.io/serviceaccount',
    host: '10.0.0.1',
  })
})

test('the help names each flag with its value, and the verbs', () => {
  const flags = agentHelp().match(/^ {2}--.*$/gm)
  expect(flags).toHaveLength(12)
  expect(flags).toEqual(expect.arrayContaining(['  --namespace NAME', '  --verbs VERB,…', '  --chains', '  --help']))
  expect(agentHelp()).toContain('Inspect, RecycleSandbox, RestartRuntime')
})

test.each([
  [['--namespace=../x'], '--namespace: found "../x", expected the name of a namespace'],
  [['--verbs=Reboot'], '--verbs: found "Reboot", expected one of Inspect, RecycleSandbox, RestartRuntime'],
  [['--cri-socket=run/x'], '--cri-socket: found "run/x", expected an absolute path'],
  [['--host-sbin=sbin'], '--host-sbin: found "sbin", expected an absolute path'],
  [['--start-jitter=soon'], '--start-jitter: found "soon", expected seconds from 0 to 600'],
  [['--log-level=loud'], '--log-level: found "loud", expected'],
  [['--unit=ssh.service'], '--unit is not a flag; expected one of --namespace, --verbs'],
  [['restart'], 'found the argument "restart", expected only flags'],
])('%j is refused with a sentence', (flags, words) => {
  expect(() => parseAgentConfig(flags, {})).toThrow(words)
})
