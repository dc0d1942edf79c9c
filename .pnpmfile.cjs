// TypeScript 7 has no JavaScript API, which tstyche and attw need: they get a TypeScript 6 of their own
const typescript = "6.0.3"

module.exports = {
  hooks: {
    readPackage(pkg) {
      if (pkg.name === "tstyche") delete pkg.peerDependencies.typescript
      if (pkg.name === "tstyche" || pkg.name === "@arethetypeswrong/core") {
        pkg.dependencies = { ...pkg.dependencies, typescript }
      }
      return pkg
    }
  }
}
