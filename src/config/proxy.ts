/** The proxy between us and registries, by the variables that curl, Go and containerd read too. */

/** As `proxyEnv` of Node's agents has it: one by https, one by plain HTTP, and the hosts that are asked without. */
export interface ProxySettings extends Readonly<Record<string, string | undefined>> {
  readonly HTTPS_PROXY?: string
  readonly HTTP_PROXY?: string
  /** Names, `.suffixes`, addresses and ranges of addresses, separated by commas; `*` for all. */
  readonly NO_PROXY?: string
}

/** Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case. Throws a sentence without the proxy's password. */
export const readProxy = (environment: Environment): ProxySettings => {
  const [https, http] = [proxyIn(environment, 'HTTPS_PROXY'), proxyIn(environment, 'HTTP_PROXY')]
  const none = environment['no_proxy'] || environment['NO_PROXY']
  return {
    ...(https !== undefined && { HTTPS_PROXY: https }),
    ...(http !== undefined && { HTTP_PROXY: http }),
    ...(none && { NO_PROXY: none }),
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

const proxyIn = (environment: Environment, name: 'HTTPS_PROXY' | 'HTTP_PROXY'): string | undefined => {
  // Lower case goes first, as with curl.
  const value = environment[name.toLowerCase()] || environment[name]
  if (!value) return undefined
  const url = URL.parse(value.includes('://') ? value : `http://${value}`)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new Error(
      `${name}: found "${withoutPassword(value)}", expected a proxy such as http://proxy.example.com:3128`,
    )
  }
  return url.href
}

const withoutPassword = (text: string): string => text.replace(/\/\/[^@/]*@/, '//…@').slice(0, 80)
