/** The proxy for registries, from the same variables that curl, Go and containerd use. */

/** The form of `proxyEnv` in Node's agents: one proxy for HTTPS, one for plain HTTP, and the hosts without a proxy. */
export interface ProxySettings extends Readonly<Record<string, string | undefined>> {
  readonly HTTPS_PROXY?: string
  readonly HTTP_PROXY?: string
  /** Names, `.suffixes`, addresses and ranges of addresses, separated by commas; `*` for all. */
  readonly NO_PROXY?: string
}

/** Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case. Error messages omit the proxy's password. */
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
  // Lower case takes precedence, as in curl.
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
