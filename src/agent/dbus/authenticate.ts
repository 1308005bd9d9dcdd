import type { Socket } from 'node:net'

/** The greeting is short; more of it without an end is no bus. */
const LONGEST_LINE = 4096

/**
 * SASL EXTERNAL: the bus asks the kernel who we are. No uid is named, as sd-bus does it: in a user namespace ours would be
 * another than the one that the bus sees. Resolves with bytes that came after the greeting; rejects where we are not let in.
 */
export const authenticate = (socket: Socket): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const steps = [
      { expects: 'DATA', answer: 'DATA\r\n' },
      { expects: 'OK', answer: 'BEGIN\r\n' },
    ]
    let unread = Buffer.alloc(0)

    const settle = (error?: Error) => {
      socket.off('data', read).off('error', settle).off('close', closed)
      if (error === undefined) resolve(unread)
      else reject(error)
    }
    const closed = () => settle(new Error('it closed the connection'))
    const read = (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk])
      for (let step = steps[0]; step !== undefined; step = steps[0]) {
        const end = unread.indexOf('\r\n')
        if (end === -1 && unread.length > LONGEST_LINE) return settle(new Error('its greeting has no end'))
        if (end === -1) return
        const line = unread.toString('utf8', 0, end)
        unread = unread.subarray(end + 2)
        if (line.split(' ')[0] !== step.expects) return settle(new Error(`it answered ${line.slice(0, 100)}`))
        steps.shift()
        socket.write(step.answer)
      }
      settle()
    }

    socket.on('data', read).on('error', settle).on('close', closed)
    socket.once('connect', () => socket.write('\0AUTH EXTERNAL\r\n'))
  })
