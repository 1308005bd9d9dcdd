/**
 * Sets a key of a map that remembers at most `max` keys: the one that was set longest ago is forgotten, and its value
 * comes back (it may hold a resource). A key that is set again counts as new.
 */
export const setBounded = <K, V>(map: Map<K, V>, key: K, value: V, max: number): V | undefined => {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size <= max || oldest.done) return undefined
  const forgotten = map.get(oldest.value)
  map.delete(oldest.value)
  return forgotten
}
