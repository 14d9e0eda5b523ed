#!/bin/bash
# Begins a machine, in namespaces of its own: NAME ADDRESS FOLDER SHARED...; `machines.py` runs it.
set -e
name=$1 address=$2 folder=$3
shift 3
hostname "$name"
mount --bind "$folder/hosts" /etc/hosts
mount -t tmpfs -o size=512m tmpfs /dev/shm

# A /tmp of its own, in which only the shared folders are those of all machines.
number=0
for path; do
    number=$((number + 1))
    mkdir "/dev/shm/$number"
    mount --bind "$path" "/dev/shm/$number"
done
mount --bind "$folder/$name" /tmp
number=0
for path; do
    number=$((number + 1))
    mkdir -p "$path"
    mount --bind "/dev/shm/$number" "$path"
    umount "/dev/shm/$number"
    rmdir "/dev/shm/$number"
done

ip link set lo up
if [ "$name" = head ]; then
    ip link add bridge0 type bridge
    ip address add "$address/24" dev bridge0
    ip link set bridge0 up
    ip route add default dev bridge0
else
    # Now the other end of this machine's wire is put into its place.
    echo wired
    read -r _
    ip address add "$address/24" dev eth0
    ip link set eth0 up
    ip route add default via "${address%.*}.1"
fi
echo ready

# The first process reaps all that have lost theirs. That of the head ends with the process that has started it.
if [ "$name" = head ] && [ "$LASTS" = no ]; then
    exec env --ignore-signal=CHLD cat > /dev/null
fi
exec env --ignore-signal=CHLD sleep infinity < /dev/null > /dev/null
