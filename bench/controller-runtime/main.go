// The same job as one would write it with controller-runtime: it reads the owner, writes a record with the intent, and
// deletes the failing pod. It does no more: no policies, no guardrails, no Events, no verification. As kubebuilder
// scaffolds it, or tuned: only pending pods in the cache, without managed fields, and ten workers. Prints `ready`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

type repairer struct {
	client.Client
	namespace string
}

func isFailing(pod *corev1.Pod) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if waiting := status.State.Waiting; waiting != nil &&
			(waiting.Reason == "ErrImagePull" || waiting.Reason == "ImagePullBackOff") {
			return true
		}
	}
	return false
}

func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

func (r *repairer) ownerOf(ctx context.Context, pod *corev1.Pod) (*appsv1.Deployment, error) {
	above := metav1.GetControllerOf(pod)
	if above == nil || above.Kind != "ReplicaSet" {
		return nil, nil
	}
	var set appsv1.ReplicaSet
	if err := r.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: above.Name}, &set); err != nil {
		return nil, err
	}
	top := metav1.GetControllerOf(&set)
	if top == nil || top.Kind != "Deployment" {
		return nil, nil
	}
	var owner appsv1.Deployment
	err := r.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: top.Name}, &owner)
	return &owner, err
}

func recordOf(pod *corev1.Pod, owner *appsv1.Deployment) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "podmend.io/v1alpha1",
		"kind":       "Remediation",
		"metadata":   map[string]any{"name": owner.Name + "-image", "namespace": pod.Namespace},
		"spec": map[string]any{
			"policy": map[string]any{"name": pod.Namespace, "uid": "none", "generation": int64(1)},
			"cause":  "RegistryUnreachable",
			"target": map[string]any{
				"apiVersion": "apps/v1", "kind": "Deployment",
				"namespace": pod.Namespace, "name": owner.Name, "uid": string(owner.UID),
			},
			"templateHash": pod.Labels["pod-template-hash"],
			"message":      pod.Status.ContainerStatuses[0].State.Waiting.Message,
		},
	}}
}

func statusOf(phase, state string) map[string]any {
	return map[string]any{
		"phase":    phase,
		"attempts": []any{now()},
		"steps": []any{map[string]any{
			"index": int64(0), "attempt": int64(1), "action": "RecyclePod", "state": state, "planHash": "0", "intendedAt": now(),
		}},
	}
}

func (r *repairer) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var pod corev1.Pod
	if err := r.Get(ctx, request.NamespacedName, &pod); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if pod.Namespace != r.namespace || pod.DeletionTimestamp != nil || !isFailing(&pod) {
		return ctrl.Result{}, nil
	}
	owner, err := r.ownerOf(ctx, &pod)
	if err != nil || owner == nil {
		return ctrl.Result{}, err
	}
	record := recordOf(&pod, owner)
	if err := r.Create(ctx, record); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, err
	}
	record.Object["status"] = statusOf("Running", "Intended")
	if err := r.Status().Update(ctx, record); err != nil {
		return ctrl.Result{}, err
	}
	guard := client.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion}
	if err := r.Delete(ctx, &pod, guard); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	record.Object["status"] = statusOf("Verifying", "Done")
	return ctrl.Result{}, r.Status().Update(ctx, record)
}

// Drops what no decision needs.
func strip(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.ManagedFields = nil
		pod.Spec = corev1.PodSpec{NodeName: pod.Spec.NodeName}
	}
	return object, nil
}

func tune(options *ctrl.Options) {
	options.Cache.ByObject = map[client.Object]cache.ByObject{
		&corev1.Pod{}: {Field: fields.OneTermEqualSelector("status.phase", "Pending"), Transform: strip},
	}
	options.Client.Cache = &client.CacheOptions{DisableFor: []client.Object{&appsv1.ReplicaSet{}, &appsv1.Deployment{}}}
	options.Controller.MaxConcurrentReconciles = 10
}

func run() error {
	namespace := flag.String("namespace", "", "where incidents happen")
	tuned := flag.Bool("tuned", false, "only pending pods, ten workers")
	qps := flag.Float64("qps", 0, "requests a second; 0: as controller-runtime has it")
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseDevMode(false)))
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	if *qps > 0 {
		config.QPS, config.Burst = float32(*qps), int(2**qps)
	}
	options := ctrl.Options{Metrics: server.Options{BindAddress: "0"}}
	if *tuned {
		tune(&options)
	}
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return err
	}
	it := &repairer{Client: manager.GetClient(), namespace: *namespace}
	if err := ctrl.NewControllerManagedBy(manager).For(&corev1.Pod{}).Complete(it); err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	go func() {
		// The first returns when the cache has started, the second when it has all pods.
		if !manager.GetCache().WaitForCacheSync(ctx) {
			return
		}
		if _, err := manager.GetCache().GetInformer(ctx, &corev1.Pod{}); err == nil {
			fmt.Println("ready")
		}
	}()
	return manager.Start(ctx)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
