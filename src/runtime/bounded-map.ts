/**
 * Sets a key of a map that holds at most `max` keys. When it is full, evicts the key that was set longest ago and returns
 * its value, which may hold a resource to release. Setting a key again makes it the newest.
 */
export const setBounded = <K, V>(map: Map<K, V>, key: K, value: V, max: number): V | undefined => {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size <= max || oldest.done) return undefined
  const evicted = map.get(oldest.value)
  map.delete(oldest.value)
  return evicted
}
