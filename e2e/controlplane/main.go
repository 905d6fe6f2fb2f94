// Package main is a Kubernetes control plane in one program: the first argument picks the component
// (etcd, kube-apiserver, kube-scheduler, kube-controller-manager, kubectl or kubelets), the rest are its own flags.
// One binary links the shared code once; a process runs one component, because each installs its own signal handler.
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"lakehouse/e2e/controlplane/kubelets"

	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

const components = "etcd, kube-apiserver, kube-scheduler, kube-controller-manager, kubectl, kubelets"

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintf(os.Stderr, "no component given; the first argument is one of %s\n", components)
		os.Exit(2)
	}
	component := os.Args[1]
	os.Args = append([]string{component}, os.Args[2:]...)
	switch component {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "kubectl":
		os.Exit(cli.Run(kubectl.NewDefaultKubectlCommand()))
	case "kubelets":
		os.Exit(kubelets.Main(os.Args[1:]))
	default:
		fmt.Fprintf(os.Stderr, "component %q is not in this program; use one of %s\n", component, components)
		os.Exit(2)
	}
}
