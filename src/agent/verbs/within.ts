import type { Clock } from '../../runtime/clock.ts'

/** The deadline of the order passed before it was done. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed'
}

/** What a promise resolves to, unless the deadline (ms since the epoch) passes first: DeadlinePassed, naming what was done. */
export const within = <Result>(
  { clock, deadline, doing }: { readonly clock: Clock; readonly deadline: number; readonly doing: string },
  run: () => Promise<Result>,
): Promise<Result> =>
  new Promise((resolve, reject) => {
    const left = deadline - clock.now()
    const late = () => reject(new DeadlinePassed(`the deadline passed while ${doing}`))
    if (left <= 0) return late()
    const cancel = clock.setTimeout(late, left)
    run().then(resolve, reject).finally(cancel)
  })
