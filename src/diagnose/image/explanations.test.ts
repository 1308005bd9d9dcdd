import { describe, expect, test } from 'vitest'
import type { Cause } from '../../model/causes.ts'
import { normalImage } from '../../model/image-reference.ts'
import { type Facts, type Finding, known, type KnownImage, type RegistryAnswer, unknown } from '../../model/incident.ts'
import { detailFacts, explainImages } from './explanations.ts'

const TYPED = 'nickchase/rss-php-ngnix:v1'
const MEANT = 'docker.io/nickchase/rss-php-nginx:v1'
const EXISTS: RegistryAnswer = { kind: 'exists', digest: 'sha256:x', platforms: ['linux/amd64'], mediaType: 'm' }
const DENIED: RegistryAnswer = { kind: 'denied', message: 'requested access is denied', withCredentials: false }
const REFUSED: RegistryAnswer = { ...DENIED, withCredentials: true }

const failing = (image = TYPED, cause: Cause = 'RepositoryNotFoundOrDenied', message = ''): readonly Finding[] => [
  { container: 'web', init: false, image, cause, message, source: 'kubelet', possibleCauses: [] },
]
const seen = (image: string, where = 'on node n1'): KnownImage => ({ image: normalImage(image), where })

/** Facts by image as they are written here; those of the failing image under its own name. */
const facts = (
  answers: Readonly<Record<string, RegistryAnswer>>,
  { images = [], ...more }: Partial<Facts> & { images?: readonly KnownImage[] } = {},
): Facts => ({
  registry: Object.fromEntries(Object.entries(answers).map(([image, answer]) => [normalImage(image), known(answer)])),
  knownImages: known(images),
  ...more,
})
const kinds = (findings: readonly Finding[], given: Facts) => explainImages(findings, given).map(({ kind }) => kind)

describe('what more could be known', () => {
  test('is asked for cheapest first: the image and what runs near by, then names, then those that are near', () => {
    expect(detailFacts(failing(), { registry: {} })).toEqual([
      { fact: 'registry', image: normalImage(TYPED) },
      { fact: 'knownImages' },
    ])
    expect(detailFacts(failing(), facts({ [TYPED]: DENIED }, { images: [seen(MEANT)] }))).toEqual([
      { fact: 'registry', image: MEANT },
    ])
    const elsewhere = 'quay.io/team/webb:1'
    expect(detailFacts(failing(elsewhere), facts({ [elsewhere]: REFUSED }))).toEqual([
      { fact: 'repositories', image: elsewhere },
      { fact: 'anonymous', image: elsewhere },
    ])
    expect(detailFacts(failing(elsewhere), facts({ [elsewhere]: { kind: 'tagMissing', message: '' } }))).toEqual([
      { fact: 'tags', image: elsewhere },
    ])
  })

  test('is nothing in the end, whatever of it is unknown', () => {
    const nothing = { registry: { [normalImage(TYPED)]: unknown('it is cut off') }, knownImages: unknown('no right') }
    expect(detailFacts(failing(), nothing)).toEqual([])
    expect(explainImages(failing(), nothing)).toMatchObject([
      { kind: 'Undetermined', message: expect.stringContaining('it is cut off') },
    ])
  })

  test('is not asked of other causes', () => {
    expect(detailFacts(failing(TYPED, 'TLSUntrusted'), { registry: {} })).toEqual([])
    expect(detailFacts(failing('not an image!', 'Unauthorized'), { registry: {} })).toEqual([])
  })

  test('is asked of few names, however many are near', () => {
    const images = ['nginy', 'nginz', 'ngina', 'nginb', 'nginc'].map((name) => seen(`quay.io/web-team/${name}:1`))
    const image = 'quay.io/web-team/nginx:1'
    const given = facts({ [image]: DENIED }, { images, repositories: { [image]: unknown('401') } })
    expect(detailFacts(failing(image), given)).toHaveLength(3)
  })
})

describe('a name that may be mistyped', () => {
  test('is reported with what was meant, where it was seen, and that the registry has it', () => {
    const given = facts({ [TYPED]: DENIED, [MEANT]: EXISTS }, { images: [seen(MEANT, 'in pod web/other')] })
    expect(explainImages(failing(), given)).toEqual([
      {
        kind: 'LikelyTypo',
        of: TYPED,
        message: expect.stringMatching(
          /the registry has .*rss-php-nginx:v1, .* seen in pod web\/other: ".*ngnix" .* for ".*nginx"/,
        ),
        image: MEANT,
        found: true,
      },
      { kind: 'MissingCredentials', of: TYPED, message: expect.stringContaining('no pull secret') },
    ])
  })

  test('is not reported where the registry does not have the near name', () => {
    const given = facts({ [TYPED]: DENIED, [MEANT]: DENIED }, { images: [seen(MEANT)] })
    expect(kinds(failing(), given)).not.toContain('LikelyTypo')
  })

  test('is reported without a suggestion to write where two are as near', () => {
    const image = 'quay.io/web-team/nginx-prxy:1'
    const near = ['quay.io/web-team/nginx-proxy:1', 'quay.io/web-team/nginx-praxy:1']
    const given = facts(
      {
        [image]: { kind: 'repositoryMissing', message: 'NAME_UNKNOWN' },
        [near[0] ?? '']: EXISTS,
        [near[1] ?? '']: EXISTS,
      },
      { images: near.map((one) => seen(one)), repositories: { [image]: unknown('401') } },
    )
    const [first] = explainImages(failing(image), given)
    expect(first).toMatchObject({ kind: 'LikelyTypo' })
    expect(first?.found).toBeUndefined()
  })

  test('of someone else is reported, and not to be written: it may have been chosen to be mistaken', () => {
    const image = 'quay.io/web-taem/nginx-proxy:1'
    const near = 'quay.io/web-team/nginx-proxy:1'
    const given = facts(
      { [image]: { kind: 'repositoryMissing', message: '' }, [near]: EXISTS },
      { images: [seen(near)], repositories: { [image]: unknown('401') } },
    )
    const [only] = explainImages(failing(image), given)
    expect(only).toMatchObject({ kind: 'LikelyTypo', image: near })
    expect(only?.found).toBeUndefined()
  })

  test('is found among the names that the registry lists', () => {
    const image = 'quay.io/web-team/nginx-porxy:1'
    const given = facts(
      { [image]: { kind: 'repositoryMissing', message: 'NAME_UNKNOWN' }, 'quay.io/web-team/nginx-proxy:1': EXISTS },
      { repositories: { [image]: known(['web-team/nginx-proxy', 'web-team/other']) } },
    )
    expect(explainImages(failing(image), given)).toMatchObject([
      { kind: 'LikelyTypo', image: 'quay.io/web-team/nginx-proxy:1', found: true },
    ])
  })

  test('is told, without a suggestion to write, where the registry cannot be asked but something near runs', () => {
    const cut: RegistryAnswer = { kind: 'unreachable', message: 'it does not answer' }
    const given = facts({ [TYPED]: cut, [MEANT]: cut }, { images: [seen(MEANT)] })
    const [only, ...more] = explainImages(failing(), given)
    expect(more).toEqual([])
    expect(only).toEqual({
      kind: 'LikelyTypo',
      of: TYPED,
      message: expect.stringMatching(
        /a typo for "nickchase\/rss-php-nginx", which was seen on node n1; whether .* does not answer$/,
      ),
    })
  })

  test('may be that of the registry', () => {
    const image = 'registry.exmaple.com/team/app:1'
    const meant = 'registry.example.com/team/app:1'
    const given = facts({ [meant]: EXISTS }, { images: [seen('registry.example.com/team/app:2')] })
    const [host] = explainImages(failing(image, 'RegistryDNSFailure'), given)
    expect(host).toMatchObject({ kind: 'LikelyTypo', image: meant })
    expect(host?.found).toBeUndefined()
    expect(kinds(failing('nowhere.example.net/x/y:1', 'RegistryDNSFailure'), facts({}))).toEqual(['Undetermined'])
  })
})

describe('credentials', () => {
  test('are what is missing where the very name runs in the cluster', () => {
    const image = 'quay.io/team/app:2'
    const given = facts(
      { [image]: DENIED },
      { images: [seen('quay.io/team/app:1', 'in ReplicaSet app-1')], repositories: { [image]: unknown('401') } },
    )
    expect(explainImages(failing(image), given)).toEqual([
      { kind: 'MissingCredentials', of: image, message: expect.stringContaining('the name is correct') },
    ])
  })

  test('are likely what is missing where others of the same project run', () => {
    const image = 'quay.io/team/app:2'
    const given = facts(
      { [image]: DENIED },
      { images: [seen('quay.io/team/other-thing:1')], repositories: { [image]: unknown('401') } },
    )
    expect(kinds(failing(image), given)).toEqual(['MissingCredentials'])
  })

  test('cannot be distinguished from a wrong name where nothing is known', () => {
    expect(kinds(failing(), facts({ [TYPED]: DENIED }))).toEqual(['Undetermined', 'MissingCredentials'])
  })

  test.each([
    ['are wrong where the registry refuses them', DENIED, /rejects the pod's own pull secret/],
    [
      'are wrong where anonymous pull is allowed',
      EXISTS,
      /anonymous pull is allowed, but the registry rejects the pod's credentials/,
    ],
  ])('%s', (_, anonymous, words) => {
    const image = 'quay.io/team/app:2'
    const given = facts(
      { [image]: REFUSED },
      { anonymous: { [image]: known(anonymous) }, repositories: { [image]: unknown('401') } },
    )
    expect(explainImages(failing(image), given)).toEqual([
      { kind: 'WrongCredentials', of: image, message: expect.stringMatching(words) },
    ])
  })

  test('have expired where a message says so', () => {
    const image = 'quay.io/team/app:2'
    const given = facts(
      { [image]: REFUSED },
      { anonymous: { [image]: known(DENIED) }, repositories: { [image]: unknown('401') } },
    )
    const [first] = explainImages(failing(image, 'Unauthorized', 'authorization token has expired'), given)
    expect(first?.message).toContain('it is expired')
  })
})

describe('a tag that is not there', () => {
  const image = 'quay.io/team/app:1.25-apline'
  const missing: RegistryAnswer = { kind: 'tagMissing', message: 'MANIFEST_UNKNOWN' }

  test('is reported with the nearest that is', () => {
    const given = facts(
      { [image]: missing, 'quay.io/team/app:1.25-alpine': EXISTS },
      { tags: { [image]: known(['1.25-alpine', '1.24-alpine', 'latest']) } },
    )
    expect(explainImages(failing(image, 'ManifestNotFound'), given)).toMatchObject([
      { kind: 'WrongTag', image: 'quay.io/team/app:1.25-alpine', found: true },
    ])
  })

  test('of another version suggests nothing, and tells the series, newest first', () => {
    const other = 'quay.io/team/app:1.25.19'
    const tags = ['1.25.9', '1.25.10', '1.26.0', '1.25.2']
    const given = facts({ [other]: missing }, { tags: { [other]: known(tags) } })
    const [only, ...more] = explainImages(failing(other, 'ManifestNotFound'), given)
    expect(more).toEqual([])
    expect(only).toMatchObject({ kind: 'WrongTag', message: expect.stringContaining('1.25.10, 1.25.9, 1.25.2') })
    expect(only?.image).toBeUndefined()
  })

  test.each([
    [known([]), 'it has no tags'],
    [unknown('the registry answers 405'), 'its tags are unknown: the registry answers 405'],
  ])('is reported although the registry says little of the others', (tags, words) => {
    const given = facts({ [image]: missing }, { tags: { [image]: tags } })
    expect(explainImages(failing(image, 'ManifestNotFound'), given)).toMatchObject([
      { kind: 'WrongTag', message: expect.stringContaining(words) },
    ])
  })
})

test('an image that is there after all is not explained away', () => {
  expect(explainImages(failing(), facts({ [TYPED]: EXISTS }))).toEqual([])
})
