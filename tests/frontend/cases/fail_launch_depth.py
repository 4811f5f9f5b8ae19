import task_lang as task
@task.define
def t0(A): task.launch(t1, A)
@task.define
def t1(A): task.launch(t2, A)
@task.define
def t2(A): task.launch(t3, A)
@task.define
def t3(A): task.launch(t4, A)
@task.define
def t4(A): task.launch(t5, A)
@task.define
def t5(A): task.launch(t6, A)
@task.define
def t6(A): task.launch(t7, A)
@task.define
def t7(A): task.launch(t8, A)
@task.define
def t8(A): task.launch(t9, A)
@task.define
def t9(A): task.launch(t10, A)
@task.define
def t10(A): task.launch(t11, A)
@task.define
def t11(A): task.launch(t12, A)
@task.define
def t12(A): task.launch(t13, A)
@task.define
def t13(A): task.launch(t14, A)
@task.define
def t14(A): task.launch(t15, A)
@task.define
def t15(A): task.launch(t16, A)
@task.define
def t16(A): task.launch(t17, A)
@task.define
def t17(A): task.launch(t18, A)
@task.define
def t18(A): task.launch(t19, A)
@task.define
def t19(A): task.launch(t20, A)
@task.define
def t20(A): task.launch(t21, A)
@task.define
def t21(A): task.launch(t22, A)
@task.define
def t22(A): task.launch(t23, A)
@task.define
def t23(A): task.launch(t24, A)
@task.define
def t24(A): task.launch(t25, A)
@task.define
def t25(A): task.launch(t26, A)
@task.define
def t26(A): task.launch(t27, A)
@task.define
def t27(A): task.launch(t28, A)
@task.define
def t28(A): task.launch(t29, A)
@task.define
def t29(A): task.launch(t30, A)
@task.define
def t30(A): task.launch(t31, A)
@task.define
def t31(A): task.launch(t32, A)
@task.define
def t32(A): task.launch(t33, A)
@task.define
def t33(A): task.launch(t34, A)
@task.define
def t34(A): task.launch(t35, A)
@task.define
def t35(A): task.launch(t36, A)
@task.define
def t36(A): task.launch(t37, A)
@task.define
def t37(A): task.launch(t38, A)
@task.define
def t38(A): task.launch(t39, A)
@task.define
def t39(A): task.launch(t40, A)
@task.define
def t40(A): task.launch(t41, A)
@task.define
def t41(A): task.launch(t42, A)
@task.define
def t42(A): task.launch(t43, A)
@task.define
def t43(A): task.launch(t44, A)
@task.define
def t44(A): task.launch(t45, A)
@task.define
def t45(A): task.launch(t46, A)
@task.define
def t46(A): task.launch(t47, A)
@task.define
def t47(A): task.launch(t48, A)
@task.define
def t48(A): task.launch(t49, A)
@task.define
def t49(A): task.launch(t50, A)
@task.define
def t50(A): task.launch(t51, A)
@task.define
def t51(A): task.launch(t52, A)
@task.define
def t52(A): task.launch(t53, A)
@task.define
def t53(A): task.launch(t54, A)
@task.define
def t54(A): task.launch(t55, A)
@task.define
def t55(A): task.launch(t56, A)
@task.define
def t56(A): task.launch(t57, A)
@task.define
def t57(A): task.launch(t58, A)
@task.define
def t58(A): task.launch(t59, A)
@task.define
def t59(A): task.launch(t60, A)
@task.define
def t60(A): task.launch(t61, A)
@task.define
def t61(A): task.launch(t62, A)
@task.define
def t62(A): task.launch(t63, A)
@task.define
def t63(A): task.launch(t64, A)
@task.define
def t64(A): task.launch(t65, A)
@task.define
def t65(A): task.launch(t66, A)
@task.define
def t66(A): task.launch(t67, A)
@task.define
def t67(A): task.launch(t68, A)
@task.define
def t68(A): task.launch(t69, A)
@task.define
def t69(A): task.launch(t70, A)
@task.define
def t70(A): task.launch(t71, A)
@task.define
def t71(A): task.launch(t72, A)
@task.define
def t72(A): task.launch(t73, A)
@task.define
def t73(A): task.launch(t74, A)
@task.define
def t74(A): task.launch(t75, A)
@task.define
def t75(A): task.launch(t76, A)
@task.define
def t76(A): task.launch(t77, A)
@task.define
def t77(A): task.launch(t78, A)
@task.define
def t78(A): task.launch(t79, A)
@task.define
def t79(A): task.launch(t80, A)
@task.define
def t80(A): task.launch(t81, A)
@task.define
def t81(A): task.launch(t82, A)
@task.define
def t82(A): task.launch(t83, A)
@task.define
def t83(A): task.launch(t84, A)
@task.define
def t84(A): task.launch(t85, A)
@task.define
def t85(A): task.launch(t86, A)
@task.define
def t86(A): task.launch(t87, A)
@task.define
def t87(A): task.launch(t88, A)
@task.define
def t88(A): task.launch(t89, A)
@task.define
def t89(A): task.launch(t90, A)
@task.define
def t90(A): task.launch(t91, A)
@task.define
def t91(A): task.launch(t92, A)
@task.define
def t92(A): task.launch(t93, A)
@task.define
def t93(A): task.launch(t94, A)
@task.define
def t94(A): task.launch(t95, A)
@task.define
def t95(A): task.launch(t96, A)
@task.define
def t96(A): task.launch(t97, A)
@task.define
def t97(A): task.launch(t98, A)
@task.define
def t98(A): task.launch(t99, A)
@task.define
def t99(A): task.launch(t100, A)
@task.define
def t100(A): task.launch(t101, A)
@task.define
def t101(A): task.launch(t102, A)
@task.define
def t102(A): task.launch(t103, A)
@task.define
def t103(A): task.launch(t104, A)
@task.define
def t104(A): task.launch(t105, A)
@task.define
def t105(A): task.launch(t106, A)
@task.define
def t106(A): task.launch(t107, A)
@task.define
def t107(A): task.launch(t108, A)
@task.define
def t108(A): task.launch(t109, A)
@task.define
def t109(A): task.launch(t110, A)
@task.define
def t110(A): task.launch(t111, A)
@task.define
def t111(A): task.launch(t112, A)
@task.define
def t112(A): task.launch(t113, A)
@task.define
def t113(A): task.launch(t114, A)
@task.define
def t114(A): task.launch(t115, A)
@task.define
def t115(A): task.launch(t116, A)
@task.define
def t116(A): task.launch(t117, A)
@task.define
def t117(A): task.launch(t118, A)
@task.define
def t118(A): task.launch(t119, A)
@task.define
def t119(A): task.launch(t120, A)
@task.define
def t120(A): task.launch(t121, A)
@task.define
def t121(A): task.launch(t122, A)
@task.define
def t122(A): task.launch(t123, A)
@task.define
def t123(A): task.launch(t124, A)
@task.define
def t124(A): task.launch(t125, A)
@task.define
def t125(A): task.launch(t126, A)
@task.define
def t126(A): task.launch(t127, A)
@task.define
def t127(A): task.launch(t128, A)
@task.define
def t128(A): task.launch(t129, A)
@task.define
def t129(A): task.launch(t130, A)
@task.define
def t130(A): task.launch(t131, A)
@task.define
def t131(A): task.launch(t132, A)
@task.define
def t132(A): task.launch(t133, A)
@task.define
def t133(A): task.launch(t134, A)
@task.define
def t134(A): task.launch(t135, A)
@task.define
def t135(A): task.launch(t136, A)
@task.define
def t136(A): task.launch(t137, A)
@task.define
def t137(A): task.launch(t138, A)
@task.define
def t138(A): task.launch(t139, A)
@task.define
def t139(A): task.launch(t140, A)
@task.define
def t140(A): task.launch(t141, A)
@task.define
def t141(A): task.launch(t142, A)
@task.define
def t142(A): task.launch(t143, A)
@task.define
def t143(A): task.launch(t144, A)
@task.define
def t144(A): task.launch(t145, A)
@task.define
def t145(A): task.launch(t146, A)
@task.define
def t146(A): task.launch(t147, A)
@task.define
def t147(A): task.launch(t148, A)
@task.define
def t148(A): task.launch(t149, A)
@task.define
def t149(A): task.launch(t150, A)
@task.define
def t150(A): task.launch(t151, A)
@task.define
def t151(A): task.launch(t152, A)
@task.define
def t152(A): task.launch(t153, A)
@task.define
def t153(A): task.launch(t154, A)
@task.define
def t154(A): task.launch(t155, A)
@task.define
def t155(A): task.launch(t156, A)
@task.define
def t156(A): task.launch(t157, A)
@task.define
def t157(A): task.launch(t158, A)
@task.define
def t158(A): task.launch(t159, A)
@task.define
def t159(A): task.launch(t160, A)
@task.define
def t160(A): task.launch(t161, A)
@task.define
def t161(A): task.launch(t162, A)
@task.define
def t162(A): task.launch(t163, A)
@task.define
def t163(A): task.launch(t164, A)
@task.define
def t164(A): task.launch(t165, A)
@task.define
def t165(A): task.launch(t166, A)
@task.define
def t166(A): task.launch(t167, A)
@task.define
def t167(A): task.launch(t168, A)
@task.define
def t168(A): task.launch(t169, A)
@task.define
def t169(A): task.launch(t170, A)
@task.define
def t170(A): task.launch(t171, A)
@task.define
def t171(A): task.launch(t172, A)
@task.define
def t172(A): task.launch(t173, A)
@task.define
def t173(A): task.launch(t174, A)
@task.define
def t174(A): task.launch(t175, A)
@task.define
def t175(A): task.launch(t176, A)
@task.define
def t176(A): task.launch(t177, A)
@task.define
def t177(A): task.launch(t178, A)
@task.define
def t178(A): task.launch(t179, A)
@task.define
def t179(A): task.launch(t180, A)
@task.define
def t180(A): task.launch(t181, A)
@task.define
def t181(A): task.launch(t182, A)
@task.define
def t182(A): task.launch(t183, A)
@task.define
def t183(A): task.launch(t184, A)
@task.define
def t184(A): task.launch(t185, A)
@task.define
def t185(A): task.launch(t186, A)
@task.define
def t186(A): task.launch(t187, A)
@task.define
def t187(A): task.launch(t188, A)
@task.define
def t188(A): task.launch(t189, A)
@task.define
def t189(A): task.launch(t190, A)
@task.define
def t190(A): task.launch(t191, A)
@task.define
def t191(A): task.launch(t192, A)
@task.define
def t192(A): task.launch(t193, A)
@task.define
def t193(A): task.launch(t194, A)
@task.define
def t194(A): task.launch(t195, A)
@task.define
def t195(A): task.launch(t196, A)
@task.define
def t196(A): task.launch(t197, A)
@task.define
def t197(A): task.launch(t198, A)
@task.define
def t198(A): task.launch(t199, A)
@task.define
def t199(A): task.launch(t200, A)
@task.define
def t200(A): task.launch(t201, A)
@task.define
def t201(A): pass
