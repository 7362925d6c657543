# Runs a script in a private copy of this machine, with its own files, network, and processes, which all end with
# it. Called by follow.ts inside new namespaces.
# $1: an empty folder, $2: the project, $3: the script
set -euo pipefail
folder=$1
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
mkdir -p "$folder/root/srv/reconnect"
mount --bind "$2" "$folder/root/srv/reconnect"
cp "$3" "$folder/root/srv/script.sh"
install -m 755 "$(dirname "$0")/systemctl.sh" "$folder/root/usr/local/bin/systemctl"
install -m 755 "$(dirname "$0")/read-only.sh" "$folder/root/usr/local/bin/read-only"
mount --rbind /dev "$folder/root/dev"
mount -t proc proc "$folder/root/proc"
mount -t tmpfs tmpfs "$folder/root/tmp"
mount -t tmpfs tmpfs "$folder/root/run"
chmod 1777 "$folder/root/tmp"
ip link set lo up
exec chroot "$folder/root" /usr/bin/env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 bash /srv/script.sh
