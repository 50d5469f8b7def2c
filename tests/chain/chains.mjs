// Run Ganache or Hardhat's node for the contract's tests: `node chains.mjs NAME CHAIN_ID`. It listens on
// loopback, says where, and ends when its standard input does, so that it never outlives whoever started it.

const [name, chainId] = process.argv.slice(2);
const GAS_LIMIT = 30_000_000;

// Ganache's base fee cannot be zero: only before London does it take transactions that pay nothing.
async function ganache() {
  const { default: library } = await import("ganache");
  const server = library.server({
    chain: { chainId: Number(chainId), hardfork: "berlin" },
    logging: { quiet: true },
    miner: { blockGasLimit: GAS_LIMIT, defaultGasPrice: 0 },
    server: { ws: false },
    wallet: { totalAccounts: 1 },
  });
  await server.listen(0, "127.0.0.1");
  return server.address();
}

// Hardhat's base fee can be zero, and stays so; the price that it advises is one gwei above that all the same.
async function hardhat() {
  const { createHardhatRuntimeEnvironment } = await import("hardhat/hre");
  const runtime = await createHardhatRuntimeEnvironment({
    networks: {
      tests: {
        type: "edr-simulated",
        chainId: Number(chainId),
        hardfork: "london",
        initialBaseFeePerGas: 0,
        blockGasLimit: GAS_LIMIT,
        accounts: [],
        throwOnTransactionFailures: false,
      },
    },
  });
  const server = await runtime.network.createServer("tests", "127.0.0.1", 0);
  return server.listen();
}

const { address, port } = await { ganache, hardhat }[name]();
console.log(`http://${address}:${port}`);
process.stdin.on("end", () => process.exit()).resume();
