import type { Word } from '../watch/sighting.ts'

/** Of which container detail is sought. */
export interface Whose {
  readonly container: string
  readonly image: string
  /** Whether it is the only container of the pod that fails: then a word that names none speaks of it. */
  readonly alone: boolean
}

const names = (message: string, image: string): boolean =>
  image !== '' && (message.includes(`"${image}"`) || message.includes(`\\"${image}\\"`))

/** Words of a pod that speak of this container, newest first. A word that quotes another image is another container's. */
export const wordsFor = ({ container, image, alone }: Whose, words: readonly Word[]): readonly Word[] =>
  words
    .filter((word) => {
      if (word.container !== undefined) return word.container === container
      return names(word.message, image) || (alone && !/image \\?"/.test(word.message))
    })
    .toSorted((a, b) => b.lastSeen - a.lastSeen)
