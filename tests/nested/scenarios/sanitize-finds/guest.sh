# finds FAULT PATTERN: the kernel says so
finds() {
	dmesg -c >/dev/null
	modprobe planted fault=$1 && rmmod planted && dmesg | grep -qE "$2" || { dmesg | tail -n 5; return 1; }
}
# not_sound PATTERN: sound() says why
not_sound() { ! sound >/tmp/out.sound && cat /tmp/leaks /tmp/out.sound 2>/dev/null | grep -q "$1"; }
