import type { RewriteRule } from './action.ts'

const portOf = (prefix: string): number | undefined => {
  const port = /^[^/]*:(\d+)(?:\/|$)/.exec(prefix)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** What is wrong with the prefixes of a rule although their form is right. */
export const prefixSentences = ({ from, to }: RewriteRule, path: string): readonly string[] =>
  Object.entries({ from, to }).flatMap(([field, prefix]) => {
    if (prefix === undefined) return []
    const here = `${path}.${field} ${JSON.stringify(prefix)}`
    const port = portOf(prefix)
    if (port !== undefined && (port < 1 || port > 65535)) return [`${here} has port ${port}; expected 1 to 65535`]
    if (/^index\.docker\.io(\/|$)/.test(prefix)) {
      return [`${here} is not in the normal form that images are compared in; write docker.io for index.docker.io`]
    }
    // An official image lies in library/; `docker.io/nginx/` with a slash at its end is the account of that name.
    if (field === 'from' && /^docker\.io\/[^/]+$/.test(prefix)) {
      const name = prefix.slice('docker.io/'.length)
      return [
        `${here} could be the official image or the account ${name}; write docker.io/library/${name} or docker.io/${name}/`,
      ]
    }
    return []
  })
