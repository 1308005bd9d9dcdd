/**
 * Loaded before a program of ours (`node --import`) that must not outlive who started it: its standard input is a pipe
 * that only the parent holds, and it closes however the parent ends.
 */
process.stdin.once('close', () => process.kill(process.pid, 'SIGKILL')).resume()
// Typed as a plain stream; it is a socket, and must not keep the program running.
;(process.stdin as unknown as { unref?: () => void }).unref?.()
