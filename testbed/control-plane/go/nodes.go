//go:build nodes

package main

import (
	"context"
	"os"

	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// What a cluster with nodes needs besides. Behind a build tag, because the build and the binary grow by half with it.
func init() {
	programs["kubelet"] = func() { run(kubelet.NewKubeletCommand(context.Background())) }
	programs["kube-proxy"] = func() { run(proxy.NewProxyCommand()) }
	programs["kube-scheduler"] = func() { run(scheduler.NewSchedulerCommand()) }
	programs["kubeadm"] = func() {
		if err := kubeadm.Run(); err != nil {
			os.Exit(1)
		}
	}
}
