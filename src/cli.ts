#!/usr/bin/env node
import { run } from './command/run.ts'
import { processTerminal } from './command/terminal.ts'

process.exitCode = await run(process.argv.slice(2), processTerminal(process))
