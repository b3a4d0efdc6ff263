# Every task is a script of its own in scripts/, and can be run without make.

.PHONY: run test api-test demo bench web check package qemu

run: # builds the page (where Node is there) and the server, and serves with config.toml
	@exec sh scripts/run.sh

test: # everything that CI runs; installs what it needs
	@exec sh scripts/test.sh

api-test: # tries every call of the API by its own description, without a login and with one (a minute or two)
	@exec sh scripts/schemathesis.sh

demo: # a small virtual household with two weeks behind it
	@exec sh scripts/demo.sh

bench: # cost per query beside a bare UDP echo and unbound
	@exec sh scripts/bench.sh

web: # the page alone, into web/dist
	@exec sh scripts/web.sh

check: # format, lints, licences and dependencies, types of the page
	@exec sh scripts/check.sh

package: # static programs, archives and Debian packages for x86-64, arm64 and armv7, into target/package (root, once: a Debian of its own)
	@exec sh scripts/package.sh

qemu: # runs what `make package` built for arm64 and armv7, under qemu-user
	@exec sh scripts/qemu.sh
