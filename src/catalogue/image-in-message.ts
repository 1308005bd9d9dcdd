/** What precedes a quoted image in the words of kubelet, containerd, CRI-O and cri-dockerd. */
const QUOTED =
  /(?:pull(?:ing|ed)? image|pull and unpack image|resolve reference|inspect image|default image tag|image reference|container image|sandbox image|short-name) \\*"([^"\\\s]{1,512})\\*"/i
const BARE = /(?:image pull failed for|pull access denied for|docker:\/\/|manifest for) ?([^\s",\\]{1,512})/i

/** How much of a message is searched, in characters. */
const MAX_SEARCH = 4096

/**
 * The image that a pull failure names, as the message writes it; undefined where it names none (kubelet leaves an
 * empty quote when it does not know it). Of several the first: kubelet's own, which is as the pod has it.
 */
export const imageInMessage = (message: string): string | undefined => {
  const text = message.slice(0, MAX_SEARCH)
  const found = QUOTED.exec(text)?.[1] ?? BARE.exec(text)?.[1]
  return found?.replace(/[:,.;]+$/, '') || undefined
}
