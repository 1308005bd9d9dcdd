import type { Edits } from './edited.ts'

export interface BadPolicy {
  /** Completes "refuses a policy …". */
  readonly name: string
  /** Made to the policy with every field. */
  readonly edits: Edits
  /** Path of the field that the refusal names. */
  readonly field: string
  /** Words of the refusal that say what is expected. */
  readonly says: string
}

const spec = (edits: Edits): Edits =>
  Object.fromEntries(Object.entries(edits).map(([path, value]) => [`spec.${path}`, value]))

const bad = (name: string, edits: Edits, field: string, says: string): BadPolicy => ({
  name,
  edits: spec(edits),
  field: field.startsWith('metadata') ? field : `spec.${field}`,
  says,
})

const RULE = 'actions[0].rewriteImage.rules[0]'
const rule = (value: object): Edits => ({ 'actions.0.rewriteImage.rules': [value] })
const from = (value: string): Edits => rule({ from: value, to: 'registry.example.com/new/' })
const to = (value: string): Edits => rule({ from: 'registry.example.com/old/', to: value })
const expression = (value: object): Edits => ({ 'match.podSelector': { matchExpressions: [value] } })
const EXPRESSION = 'match.podSelector.matchExpressions[0]'
const only = (type: string, cause: string): Edits => ({
  'match.causes': [cause],
  'match.images': undefined,
  actions: [{ type }],
  onIneffective: 'Keep',
})

/** Refused by the API server, and the same by admission, which also sees policies in files. */
export const REFUSED_BY_SERVER: readonly BadPolicy[] = [
  {
    ...bad('with a name too long for a label', {}, 'metadata.name', 'at most 63 characters'),
    edits: { 'metadata.name': 'a'.repeat(64) },
  },
  bad('without match', { match: undefined }, 'match', ''),
  bad('without causes', { 'match.causes': undefined }, 'match.causes', ''),
  bad('with no cause', { 'match.causes': [] }, 'match.causes', 'at least one cause'),
  bad(
    'with a cause that does not exist',
    { 'match.causes': ['ProjectNotfound'] },
    'match.causes[0]',
    'ProjectNotFound',
  ),
  bad('with a cause twice', { 'match.causes': ['Unauthorized', 'Unauthorized'] }, 'match.causes[1]', 'Unauthorized'),
  bad('with an empty list of images', { 'match.images': [] }, 'match.images', 'omit it to match any'),
  bad('with an empty image', { 'match.images': [''] }, 'match.images[0]', '1'),
  bad('with an image twice', { 'match.images': ['a.io/*', 'a.io/*'] }, 'match.images[1]', 'a.io/*'),
  bad(
    'with a glob that names no registry',
    { 'match.images': ['nginx:*'] },
    'match.images[0]',
    'write docker.io/library/nginx:*',
  ),
  bad('with a glob of a bare path', { 'match.images': ['library/nginx:*'] }, 'match.images[0]', 'registry first'),
  bad('with a glob that has spaces', { 'match.images': ['a.io/x *'] }, 'match.images[0]', 'without spaces'),
  bad('with a glob in unicode spaces', { 'match.images': ['\tа.io/x'] }, 'match.images[0]', 'without spaces'),
  bad('with an empty list of namespaces', { 'match.namespaces': [] }, 'match.namespaces', 'omit it'),
  bad(
    'with a glob for a namespace',
    { 'match.namespaces': ['team-*'] },
    'match.namespaces[0]',
    'use namespaceSelector',
  ),
  bad('with a namespace in upper case', { 'match.namespaces': ['Web'] }, 'match.namespaces[0]', 'lower-case letters'),
  bad('with a namespace twice', { 'match.namespaces': ['web', 'web'] }, 'match.namespaces[1]', 'web'),
  bad(
    'with In and no values',
    expression({ key: 'a', operator: 'In' }),
    `${EXPRESSION}.values`,
    'add one, or use Exists',
  ),
  bad(
    'with NotIn and empty values',
    expression({ key: 'a', operator: 'NotIn', values: [] }),
    `${EXPRESSION}.values`,
    'add one',
  ),
  bad(
    'with Exists and values',
    expression({ key: 'a', operator: 'Exists', values: ['b'] }),
    `${EXPRESSION}.values`,
    'remove them, or use In',
  ),
  bad(
    'with an operator that does not exist',
    expression({ key: 'a', operator: 'Like' }),
    `${EXPRESSION}.operator`,
    'NotIn',
  ),
  bad(
    'with an impossible label key',
    expression({ key: '-a', operator: 'Exists' }),
    `${EXPRESSION}.key`,
    'must be a label key',
  ),
  bad(
    'with an impossible label value',
    expression({ key: 'a', operator: 'In', values: ['b c'] }),
    `${EXPRESSION}.values`,
    'must be label values',
  ),
  bad(
    'with an impossible key to match',
    { 'match.nodeSelector': { matchLabels: { 'a b': 'c' } } },
    'match.nodeSelector.matchLabels',
    'must have label keys',
  ),
  bad(
    'with an impossible value to match',
    { 'match.namespaceSelector': { matchLabels: { a: 'b c' } } },
    'match.namespaceSelector.matchLabels',
    'must have label values',
  ),
  bad('with a duration without unit', { 'match.failingFor': '30' }, 'match.failingFor', 'such as 30s, 5m or 1h30m'),
  bad(
    'with a duration spelled out',
    { 'match.failingFor': 'a minute' },
    'match.failingFor',
    'failingFor must be a duration',
  ),
  bad('with a negative duration', { 'match.failingFor': '-5s' }, 'match.failingFor', 'from 0s to 24h'),
  bad('with a fraction of a unit', { 'match.failingFor': '1.5h' }, 'match.failingFor', 'from 0s to 24h'),
  bad('that waits for more than a day', { 'match.failingFor': '24h1s' }, 'match.failingFor', 'from 0s to 24h'),
  bad('with a duration beyond measure', { 'match.failingFor': '999999h999999h999999h999999h' }, 'match.failingFor', ''),
  bad('without actions', { actions: undefined }, 'actions', ''),
  bad('with no action', { actions: [], onIneffective: 'Keep' }, 'actions', 'at least one action'),
  bad('with an action without type', { 'actions.1.type': undefined }, 'actions[1].type', ''),
  bad('with an action that does not exist', { 'actions.1.type': 'Restart' }, 'actions[1].type', 'RewriteImage'),
  bad(
    'with one action twice',
    { actions: [{ type: 'RecyclePod' }, { type: 'RecyclePod' }], onIneffective: 'Keep' },
    'actions',
    'remove the second',
  ),
  bad(
    'with a timeout too short to verify anything',
    { 'actions.0.timeout': '4s' },
    'actions[0].timeout',
    'from 5s to 24h',
  ),
  bad('with a time-out of days', { 'actions.0.timeout': '25h' }, 'actions[0].timeout', 'from 5s to 24h'),
  bad(
    'that recycles with rules',
    { 'actions.1.rewriteImage': { suggestions: 'Apply' } },
    'actions[1].rewriteImage',
    'remove it, or change the type',
  ),
  bad(
    'that rewrites without saying what',
    { 'actions.0.rewriteImage': undefined },
    'actions[0].rewriteImage',
    'needs its rules',
  ),
  bad(
    'that rewrites by recycling',
    { 'actions.0.recyclePod': {} },
    'actions[0].recyclePod',
    'remove it, or change the type',
  ),
  bad(
    'that rewrites by flagging',
    { 'actions.0.flagNode': {} },
    'actions[0].flagNode',
    'remove it, or change the type',
  ),
  bad(
    'that rewrites with neither rules nor suggestions',
    { 'actions.0.rewriteImage': {} },
    'actions[0].rewriteImage',
    'needs rules, or suggestions: Apply',
  ),
  bad(
    'with an empty list of rules',
    { 'actions.0.rewriteImage.rules': [] },
    'actions[0].rewriteImage.rules',
    'add a rule',
  ),
  bad('with an empty rule', rule({}), RULE, 'must have from and to, or pattern and replace'),
  bad('with from and no to', rule({ from: 'a.io/b/' }), `${RULE}.to`, 'from needs it'),
  bad('with to and no from', rule({ to: 'a.io/b/' }), `${RULE}.from`, 'to needs it'),
  bad('with pattern and no replace', rule({ pattern: 'a' }), `${RULE}.replace`, 'pattern needs it'),
  bad('with replace and no pattern', rule({ replace: 'a' }), `${RULE}.pattern`, 'replace needs it'),
  bad(
    'with both forms of a rule',
    rule({ from: 'a.io/b/', to: 'a.io/c/', pattern: 'b', replace: 'c' }),
    RULE,
    'split it into two rules',
  ),
  bad('with an empty from', from(''), `${RULE}.from`, '1'),
  bad('with an empty to', to(''), `${RULE}.to`, '1'),
  bad('with an empty pattern', rule({ pattern: '', replace: 'a' }), `${RULE}.pattern`, '1'),
  bad(
    'that maps a path to itself',
    rule({ from: 'a.io/b/', to: 'a.io/b/' }),
    `${RULE}.to`,
    'maps every image to itself',
  ),
  bad(
    'that maps a path to itself but for a slash',
    rule({ from: 'a.io/b', to: 'a.io/b/' }),
    `${RULE}.to`,
    'must differ from from',
  ),
  bad(
    'with a scheme in from',
    from('https://a.io/b/'),
    `${RULE}.from`,
    'from must be a registry and a path without a scheme',
  ),
  bad('with a scheme in to', to('https://a.io/b/'), `${RULE}.to`, 'to must be a registry and a path without a scheme'),
  bad('with a from outside any registry', from('nickchase/'), `${RULE}.from`, 'write docker.io/'),
  bad('with a target outside any registry', to('public/'), `${RULE}.to`, 'must begin with a registry host'),
  bad('with a tag in from', from('a.io/b:1'), `${RULE}.from`, 'without tag, digest or wildcard'),
  bad('with a digest in to', to(`a.io/b@sha256:${'a'.repeat(64)}`), `${RULE}.to`, 'without tag, digest or wildcard'),
  bad('with a wildcard in from', from('a.io/b/*'), `${RULE}.from`, 'use pattern and replace'),
  bad('with a target in upper case', to('a.io/Public/'), `${RULE}.to`, 'in lower case'),
  bad('with a target in unicode', to('a.io/öffentlich/'), `${RULE}.to`, 'whole path segments'),
  bad('with a target that has an empty segment', to('a.io//b/'), `${RULE}.to`, 'whole path segments'),
  bad(
    'with a way to verify that does not exist',
    { 'actions.0.rewriteImage.verify': 'Maybe' },
    'actions[0].rewriteImage.verify',
    'IfReachable',
  ),
  bad(
    'that writes suggestions unseen',
    { 'actions.0.rewriteImage.verify': 'Never' },
    'actions[0].rewriteImage.verify',
    'Required or IfReachable',
  ),
  bad(
    'with a method that does not exist',
    { 'actions.1.recyclePod.method': 'Kill' },
    'actions[1].recyclePod.method',
    'Evict',
  ),
  bad(
    'that would undo what cannot be undone',
    { actions: [{ type: 'RecyclePod' }] },
    'onIneffective',
    'add RewriteImage, or set Keep',
  ),
  bad('that waits for approval for seconds', { approvalTimeout: '59s' }, 'approvalTimeout', 'from 1m to 168h'),
  bad('that waits for approval for weeks', { approvalTimeout: '169h' }, 'approvalTimeout', 'from 1m to 168h'),
  bad('without a pause between attempts', { 'limits.cooldown': '0s' }, 'limits.cooldown', 'from 10s to 24h'),
  bad(
    'with more at once than an hour allows',
    { 'limits.maxConcurrent': 6 },
    'limits.maxConcurrent',
    'raise maxPerHour',
  ),
  bad(
    'that lets no node be unhealthy',
    { 'limits.maxUnhealthyNodes': '0%' },
    'limits.maxUnhealthyNodes',
    'from 1% to 100%',
  ),
  bad(
    'that lets more than all nodes be unhealthy',
    { 'limits.maxUnhealthyNodes': '101%' },
    'limits.maxUnhealthyNodes',
    'from 1% to 100%',
  ),
  bad('with a number of nodes without quotes', { 'limits.maxUnhealthyNodes': 2 }, 'limits.maxUnhealthyNodes', 'string'),
  bad('that rewrites images for volumes', { 'match.causes': ['NFSUnreachable'] }, 'actions', 'add an image cause'),
  bad(
    'that recycles sandboxes for images',
    only('RecycleSandbox', 'ProjectNotFound'),
    'actions',
    'RecycleSandbox, which helps with none',
  ),
  bad(
    'that restarts the runtime for images',
    only('RestartRuntime', 'ProjectNotFound'),
    'actions',
    'such as IptablesChainMissing',
  ),
  bad(
    'that installs a mount helper for images',
    only('InstallMountHelper', 'ProjectNotFound'),
    'actions',
    'add MountHelperMissing',
  ),
]

/** What CEL cannot see: the API server takes these, admission refuses them. */
export const REFUSED_BY_ADMISSION: readonly BadPolicy[] = [
  bad('with a look-ahead', { 'match.message.include': 'a(?!b)' }, 'match.message.include', 'RE2 has no look-ahead'),
  bad(
    'with a back reference',
    { 'match.message.exclude': '(a)\\1' },
    'match.message.exclude',
    'RE2 has no back references',
  ),
  bad('with an unclosed group', { 'match.message.include': '(a' }, 'match.message.include', 'cannot be used'),
  bad(
    'that excludes every message',
    { 'match.message.exclude': '.*' },
    'match.message.exclude',
    'excludes every message',
  ),
  bad('with a pattern that is none', rule({ pattern: '[a', replace: 'b' }), `${RULE}.pattern`, 'cannot be used'),
  bad(
    'with a pattern too large',
    rule({ pattern: '((a{1,100}){1,100}){1,100}', replace: 'b' }),
    `${RULE}.pattern`,
    'cannot be used',
  ),
  bad(
    'that replaces by a group that is not there',
    rule({ pattern: '^docker.io/(.*)$', replace: 'a.io/$2' }),
    `${RULE}.replace`,
    'has no group "2"',
  ),
  bad(
    'that replaces by a dollar sign',
    rule({ pattern: '^docker.io/(.*)$', replace: 'a.io/$' }),
    `${RULE}.replace`,
    'write "$$"',
  ),
  bad(
    'with a rule that an earlier one covers',
    {
      'actions.0.rewriteImage.rules': [
        { from: 'registry.example.com/old/', to: 'b.io/x/' },
        { from: 'registry.example.com/old/team/', to: 'b.io/y/' },
      ],
    },
    'actions[0].rewriteImage.rules[1].from',
    'put the narrower rule first',
  ),
  bad(
    'with a rule twice',
    {
      'actions.0.rewriteImage.rules': [
        { from: 'registry.example.com/old/', to: 'b.io/x/' },
        { from: 'registry.example.com/old/', to: 'b.io/y/' },
      ],
    },
    'actions[0].rewriteImage.rules[1].from',
    'remove one of them',
  ),
  bad(
    'with a pattern twice',
    {
      'actions.0.rewriteImage.rules': [
        { pattern: '^docker.io/', replace: 'b.io/' },
        { pattern: '^docker.io/', replace: 'c.io/' },
      ],
    },
    'actions[0].rewriteImage.rules[1].pattern',
    'is never reached',
  ),
  bad(
    'that writes to and fro',
    {
      'match.images': undefined,
      'actions.0.rewriteImage.rules': [
        { from: 'a.io/b/', to: 'a.io/c/' },
        { from: 'a.io/c/', to: 'a.io/b/' },
      ],
    },
    'actions[0].rewriteImage.rules[0]',
    'form a cycle: a.io/b/x:1 → a.io/c/x:1 → a.io/b/x:1',
  ),
  bad(
    'that rewrites in a circle of three',
    {
      'match.images': undefined,
      'actions.0.rewriteImage.rules': [
        { from: 'a.io/', to: 'b.io/' },
        { from: 'b.io/', to: 'c.io/x/' },
        { from: 'c.io/x/', to: 'a.io/' },
      ],
    },
    'actions[0].rewriteImage.rules[0]',
    'form a cycle',
  ),
  bad(
    'that rewrites in a circle by a pattern',
    {
      'match.images': undefined,
      'actions.0.rewriteImage.rules': [
        { from: 'a.io/', to: 'b.io/' },
        { pattern: '^b\\.io/(.*)$', replace: 'a.io/$1' },
      ],
    },
    'actions[0].rewriteImage.rules[0]',
    'form a cycle',
  ),
  bad(
    'with an impossible port',
    { 'match.images': undefined, ...to('a.io:70000/b/') },
    `${RULE}.to`,
    'expected 1 to 65535',
  ),
  bad(
    'with the old name of Docker Hub',
    { 'match.images': undefined, ...from('index.docker.io/a/') },
    `${RULE}.from`,
    'write docker.io',
  ),
  bad(
    'with an official image without library',
    { 'match.images': undefined, ...from('docker.io/nginx') },
    `${RULE}.from`,
    'write docker.io/library/nginx or docker.io/nginx/',
  ),
  bad(
    'with a glob for an official image without library',
    { 'match.images': ['docker.io/nginx:*', '*'] },
    'match.images[0]',
    'write docker.io/library/nginx:*',
  ),
  bad(
    'with a glob on the old name of Docker Hub',
    { 'match.images': ['index.docker.io/*', '*'] },
    'match.images[0]',
    'docker.io; write that instead',
  ),
  bad(
    'with a glob for a repository in upper case',
    { 'match.images': ['a.io/Team/x:*', '*'] },
    'match.images[0]',
    'write a.io/team/x:*',
  ),
  bad('with a glob without a tag', { 'match.images': ['a.io/team/x', '*'] }, 'match.images[0]', 'write a.io/team/x:*'),
  bad(
    'whose rules apply to none of its images',
    { 'match.images': ['other.example.com/*'], 'actions.0.rewriteImage.suggestions': 'Ignore' },
    'actions[0].rewriteImage.rules[0]',
    'which no glob in spec.match.images matches',
  ),
]
