// `npm run screenshots`: the same set-up, and files that take pictures instead of testing.
import { defineConfig, mergeConfig } from 'vitest/config'
import tests from './vitest.config.ts'

const config = mergeConfig(tests, defineConfig({}))
config.test = { ...config.test, include: ['screenshots/**/*.shot.ts'] }
export default config
