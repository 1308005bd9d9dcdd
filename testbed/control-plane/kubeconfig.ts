/** Who a kubeconfig speaks as. */
export type Identity =
  | { readonly certificate: string; readonly key: string }
  | { readonly certificateFile: string; readonly keyFile: string }
  | { readonly token: string }

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const credentials = (identity: Identity): Record<string, string> => {
  if ('token' in identity) return { token: identity.token }
  if ('certificateFile' in identity) {
    return { 'client-certificate': identity.certificateFile, 'client-key': identity.keyFile }
  }
  return {
    'client-certificate-data': base64(identity.certificate),
    'client-key-data': base64(identity.key),
  }
}

/** The text of a kubeconfig (JSON, which is YAML) with one context. */
export const kubeconfigText = (
  cluster: { name: string; url: string } & ({ ca: string } | { caFile: string }),
  user: string,
  identity: Identity,
): string => {
  const authority =
    'ca' in cluster ? { 'certificate-authority-data': base64(cluster.ca) } : { 'certificate-authority': cluster.caFile }
  const context = `${user}@${cluster.name}`
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: cluster.name, cluster: { server: cluster.url, ...authority } }],
      users: [{ name: user, user: credentials(identity) }],
      contexts: [{ name: context, context: { cluster: cluster.name, user } }],
      'current-context': context,
    },
    null,
    2,
  )}\n`
}
